using System.Text.RegularExpressions;
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;
using Faith.Kernels.Validation;
using Faith.PtxInterpreter;
using SharedCases = Faith.Kernels.Tests.OpCases;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>A device whose operations a referee repeats: what is right passes, what is wrong is named.</summary>
[Collection("cuda")]
public sealed class ValidatingDeviceTests(CudaFixture fixture)
{
    // One case in five: each is run twice and compared, and the interpreter is no GPU.
    [Theory]
    [InlineData("cuda")]
    [InlineData("cpu")]
    public void EveryOperationPasses(string name)
    {
        SimulatedGpu.Reset();
        using var device = ValidatingDevice.Over(name == "cpu" ? new HostDevice(2) : fixture.Open(CudaModule.EmbeddedPtx()), threads: 2);
        foreach (var item in SharedCases.All.Where(c => !c.HostAlone).GroupBy(c => c.Op).SelectMany(cases => cases.Where((_, i) => i % 5 == 0)))
        {
            using var context = new CaseContext(device, seed: 7, compare: false);
            item.Run(context);
            context.CheckFences();
        }
        var operations = typeof(Device).GetMethods().Where(m => m.IsAbstract && !m.IsSpecialName || m.Name is "MultiplyMixed").Select(m => m.Name)
            .Except(["Allocate", "Upload", "Download", "Synchronize", "CreateWeights", "Dispose"]).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(operations, device.Deviations.Operations.Keys);
        Assert.All(device.Deviations.Operations, o => Assert.InRange(o.Value.Largest, 0, ValidatingDevice.Tolerance / 3));
        Assert.Matches(@"^[\d,]+ calls of \d+ operations agree; at most \d\.\dE-\d+ of the largest value apart \(\w+\)$", device.Deviations.ToString());
    }

    [Fact]
    public void AWrongResultIsNamed()
    {
        var body = CudaFixture.BodyOf(CudaModule.EmbeddedPtx(), "add_scaled");
        // The factor is forgotten.
        var message = Fault(Replaced("add_scaled", body, Regex.Replace(body, @"\tfma\.rn\.f32 \t(%f\d+), %f\d+, (%f\d+), (%f\d+);", "\tadd.rn.f32 \t$1, $2, $3;")),
            (device, x, y) =>
            {
                device.Copy(x, y);
                device.AddScaled(x, 3, y);
            });
        Assert.Matches(@"^call 1 of AddScaled\(x \[3 × 5\], y \[3 × 5\]\): y\[\d, \d\] is \S+ on cuda:0.* and \S+ on cpu \(.*\); its values reach \S+$", message);
    }

    [Fact]
    public void AStrayWriteIsNamed()
    {
        var body = CudaFixture.BodyOf(CudaModule.EmbeddedPtx(), "copy");
        // Every element is stored where it belongs and once more behind it: only the gap after the last column shows that.
        var message = Fault(Replaced("copy", body, Regex.Replace(body, @"\tst\.global\.f32 \t\[(%rd\d+)(?:\+(\d+))?\](, %f\d+;)",
            m => $"{m.Value}\n\tst.global.f32 \t[{m.Groups[1].Value}+{int.Parse("0" + m.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture) + 20}]{m.Groups[3].Value}")),
            (device, x, y) => device.Copy(x, y));
        Assert.Matches(@"^call 1 of Copy\(x \[3 × 5\], y \[3 × 5\]\) on cuda:0.* changed memory that is no result of it: y, row \d, column \d of 5$", message);
    }

    [Fact]
    public void ItPassesOnWhatTheDeviceSaysOfItself()
    {
        SimulatedGpu.Reset();
        using var gpu = fixture.Open(CudaModule.EmbeddedPtx());
        using var device = ValidatingDevice.Over(gpu);
        Assert.Equal(gpu.Limits, device.Limits);
        Assert.StartsWith(gpu.Name + ", validated by cpu (", device.Name, StringComparison.Ordinal);
    }

    private string Fault(string ptx, Action<Device, Tensor, Tensor> run)
    {
        SimulatedGpu.Reset();
        using var device = ValidatingDevice.Over(fixture.Open(ptx));
        using var arena = new DeviceArena(device);
        float[] values = [.. Enumerable.Range(0, 15).Select(i => i - 6.5f)];
        var (x, y) = (arena.Put(values, 3, 5), arena.Put([.. values, .. values[..5]], 4, 5, stride: 16).RowRange(0, 3));
        return Assert.Throws<ValidationException>(() => run(device, x, y)).Message;
    }

    private static string Replaced(string kernel, string body, string with)
    {
        Assert.True(body != with, $"{kernel} is as it was");
        return CudaModule.EmbeddedPtx().Replace(body, with, StringComparison.Ordinal);
    }
}
