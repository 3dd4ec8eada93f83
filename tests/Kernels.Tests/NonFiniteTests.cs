using Faith.Kernels.Host;
using Faith.Kernels.Tests.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests;

/// <summary>What overflowed stays visible through every operation that bounds its operand, on every width and on a GPU: a result that looks finite would be believed.</summary>
[Collection("cuda")]
public sealed class NonFiniteTests(SimulatedFixture fixture)
{
    private const int Columns = 21;
    private const string Gpu = "GPU";

    public static TheoryData<string, int, float> Places()
    {
        var data = new TheoryData<string, int, float>();
        foreach (var width in new[] { SimdWidth.Portable, SimdWidth.V256, SimdWidth.V512 }.Where(w => w <= HostDevice.Widest).Select(w => w.ToString()).Append(Gpu))
            foreach (var column in new[] { 0, 3, 9, 16, 20 })
                foreach (var value in new[] { float.NaN, float.PositiveInfinity }) data.Add(width, column, value);
        return data;
    }

    private Device Of(string device)
    {
        SimulatedGpu.Reset();
        return device == Gpu ? fixture.Device : new HostDevice(1, Enum.Parse<SimdWidth>(device));
    }

    /// <summary>A softmax over keys of which one has a score that is no number.</summary>
    [Theory, MemberData(nameof(Places))]
    public void AttentionIsNotFinite(string on, int key, float value)
    {
        var device = Of(on);
        using var t = new CaseContext(device, 3);
        var layout = new Ragged([Columns], [0], [0], lastQueryOnly: true);
        using var memory = device.Allocate(sizeof(int) * layout.Integers);
        device.Prepare(layout, new(memory, 0, layout.Integers));
        Tensor q = t.Matrix(1, 4), k = t.Matrix(Columns, 4), v = t.Matrix(Columns, 4), context = t.Matrix(1, 4), normalizers = t.Matrix(1, 2);
        (CaseContext.At(q, 0, 1), CaseContext.At(k, key, 1)) = (1, value);
        t.Device.AttentionForward(layout, new(1, 4, 1, 1, 0.5f), q, k, v, default, default, context, normalizers);
        for (var c = 0; c < 4; c++) Assert.False(float.IsFinite(CaseContext.At(context, 0, c)));
    }

    [Theory, MemberData(nameof(Places))]
    public void MetricsAreNotFinite(string on, int column, float value)
    {
        var device = Of(on);
        using var t = new CaseContext(device, 4);
        Tensor good = t.Matrix(1, Columns), bad = t.Matrix(1, Columns), result = t.Matrix(1, 1), gradient = t.Matrix(1, Columns);
        CaseContext.At(bad, 0, column) = value;
        foreach (var jensenShannon in new[] { false, true })
        {
            foreach (var (logits, reference) in new[] { (bad, good), (good, bad) })
            {
                t.Device.DivergenceMetric(logits, reference, jensenShannon, result, gradient);
                Assert.False(float.IsFinite(CaseContext.At(result, 0, 0)));
            }
        }
        // A softmax has a limit where one logit is infinite.
        if (!float.IsNaN(value)) return;
        var other = column == 5 ? 6 : 5;
        t.Device.SoftmaxMetric(bad, t.Integers(0, 1), t.Integers(other), One(t), result, gradient);
        Assert.False(float.IsFinite(CaseContext.At(result, 0, 0)));
    }

    [Theory, MemberData(nameof(Places))]
    public void ActivationsAreNotFinite(string on, int column, float value)
    {
        var device = Of(on);
        using var t = new CaseContext(device, 5);
        Tensor u = t.Matrix(1, Columns), gateUp = t.Matrix(1, 2 * Columns), y = t.Matrix(1, Columns), derivative = t.Matrix(1, Columns);
        (CaseContext.At(u, 0, column), CaseContext.At(gateUp, 0, column)) = (value, value);
        foreach (var activation in ActivationCases.Every)
        {
            if (activation.Gated) t.Device.Activate(activation, gateUp, y, default);
            else t.Device.Activate(activation, u, y, derivative);
            Assert.False(float.IsFinite(CaseContext.At(y, 0, column)));
        }
        // A cap has a limit where what it caps is infinite.
        if (!float.IsNaN(value)) return;
        t.Device.SoftCap(u, 5, y);
        Assert.True(float.IsNaN(CaseContext.At(y, 0, column)));
    }

    private static Tensor One(CaseContext t)
    {
        var one = t.Matrix(1, 1);
        CaseContext.At(one, 0, 0) = 1;
        return one;
    }
}
