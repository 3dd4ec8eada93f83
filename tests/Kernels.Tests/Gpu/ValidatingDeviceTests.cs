using System.Text.RegularExpressions;
using Faith.Kernels.Host;
using Faith.Kernels.Validation;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>A device whose operations a referee repeats: what is right passes, what is wrong is named.</summary>
[Collection("cuda")]
public sealed class ValidatingDeviceTests
{
    // One case in five: each is run twice and compared, and the interpreter is no GPU.
    [Theory]
    [InlineData("cuda")]
    [InlineData("cpu")]
    public void EveryOperationPasses(string name)
    {
        SimulatedGpu.Reset();
        using var device = ValidatingDevice.Over(name == "cpu" ? new HostDevice(2) : SimulatedFixture.Open(), threads: 2);
        foreach (var item in Cases.All.GroupBy(c => c.Op).SelectMany(cases => cases.Where((_, i) => i % 5 == 0)))
            _ = Cases.Results(device, item, compare: false);
        var operations = typeof(Device).GetMethods().Where(m => m.IsAbstract && !m.IsSpecialName || m.Name is "MultiplyMixed").Select(m => m.Name)
            .Except(["Allocate", "Upload", "Download", "Synchronize", "CreateWeights", "Dispose"]).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(operations, device.Deviations.Operations.Keys);
        Assert.All(device.Deviations.Operations, o => Assert.InRange(o.Value.Largest, 0, ValidatingDevice.Tolerance / 3));
        Assert.Matches(@"^[\d,]+ calls of \d+ operations agree; at most \d\.\dE-\d+ of the largest value apart \(\w+\)$", device.Deviations.ToString());
    }

    [Fact]
    public void AWrongResultIsNamed()
    {
        // The factor is forgotten.
        var message = Fault(ptx => Regex.Replace(ptx, @"\tfma\.rn\.f32\s+(%f\d+), %f\d+, (%f\d+), (%f\d+);", "\tadd.rn.f32\t$1, $2, $3;"), (device, x, y) =>
        {
            device.Copy(x, y);
            device.AddScaled(x, 3, y);
        });
        Assert.Matches(@"^call 1 of AddScaled\(x \[3 × 5\], y \[3 × 5\]\): y\[\d, \d\] is \S+ on cuda:0.* and \S+ on cpu \(.*\); its values reach \S+$", message);
    }

    [Fact]
    public void AStrayWriteIsNamed()
    {
        // Every element is stored where it belongs and once more behind it: only the gap after the last column shows that.
        var message = Fault(ptx => Regex.Replace(ptx, @"\tst\.f32\s+\[(%rd\d+)\](, %f\d+;)", m => $"{m.Value}\n\tst.f32\t[{m.Groups[1].Value}+20]{m.Groups[2].Value}"),
            (device, x, y) => device.Copy(x, y));
        Assert.Matches(@"^call 1 of Copy\(x \[3 × 5\], y \[3 × 5\]\) on cuda:0.* changed memory that is no result of it: y, row \d, column \d of 5$", message);
    }

    [Fact]
    public void ItPassesOnWhatTheDeviceSaysOfItself()
    {
        SimulatedGpu.Reset();
        using var gpu = SimulatedFixture.Open();
        using var device = ValidatingDevice.Over(gpu);
        Assert.Equal(gpu.Limits, device.Limits);
        Assert.StartsWith(gpu.Name + ", validated by cpu (", device.Name, StringComparison.Ordinal);
    }

    private static string Fault(Func<string, string> rewrite, Action<Device, Tensor, Tensor> run)
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Rewrite = rewrite;
        using var device = ValidatingDevice.Over(SimulatedFixture.Open());
        float[] values = [.. Enumerable.Range(0, 15).Select(i => i - 6.5f)];
        using DeviceBuffer ofX = device.Allocate(4 * 15), ofY = device.Allocate(4 * 64);
        Tensor x = new(ofX, 3, 5), y = new(ofY, 0, 3, 5, 16);
        device.Upload(values, x);
        var message = Assert.Throws<ValidationException>(() => run(device, x, y)).Message;
        SimulatedGpu.Reset();
        return message;
    }
}
