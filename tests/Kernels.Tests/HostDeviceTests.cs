using System.Runtime.InteropServices;
using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

/// <summary>The properties that every case of the table has on the host, with every width of registers.</summary>
public sealed class HostDeviceTests
{
    static readonly SimdWidth[] Widths = [.. new[] { SimdWidth.Portable, SimdWidth.V256, SimdWidth.V512 }.Where(w => w <= HostDevice.Widest)];

    /// <summary>What has no operands: memory, order and time.</summary>
    static readonly string[] Memory = ["Allocate", "Upload", "Download", "Synchronize", "Mark", "Repeatable", "Dispose"];

    public static TheoryData<string> Operations() => [.. OpCases.All.Select(c => c.Op).Distinct()];

    public static TheoryData<string, SimdWidth> OperationsAndWidths()
    {
        var data = new TheoryData<string, SimdWidth>();
        foreach (var op in OpCases.All.Select(c => c.Op).Distinct())
            foreach (var width in Widths) data.Add(op, width);
        return data;
    }

    static void Each(string op, Action<OpCase> check)
    {
        foreach (var item in OpCases.All.Where(c => c.Op == op))
        {
            try
            {
                check(item);
            }
            catch (Exception e)
            {
                Assert.Fail($"{item}: {e.Message}");
            }
        }
    }

    static IReadOnlyList<float[]> Results(Device device, OpCase item, int? row = null, bool compare = false, bool aligned = false)
    {
        using var context = new CaseContext(device, 7, row, compare, aligned);
        item.Run(context);
        context.CheckFences();
        return context.Results;
    }

    [Theory, MemberData(nameof(OperationsAndWidths))]
    public void AgreesWithTheReferenceAtAnyAddress(string op, SimdWidth width)
    {
        using var device = new HostDevice(2, width);
        Each(op, item => AssertSameBits(Results(device, item, compare: true), Results(device, item, aligned: true)));
    }

    [Theory, MemberData(nameof(Operations))]
    public void HasTheSameBitsForAnyNumberOfThreads(string op)
    {
        HostDevice[] devices = [new(1), new(2), new(3)];
        Each(op, item =>
        {
            var one = Results(devices[0], item);
            foreach (var device in devices[1..]) AssertSameBits(one, Results(device, item));
        });
        foreach (var device in devices) device.Dispose();
    }

    [Theory, MemberData(nameof(OperationsAndWidths))]
    public void ARowDoesNotDependOnItsNeighbours(string op, SimdWidth width)
    {
        using var device = new HostDevice(1, width);
        Each(op, item =>
        {
            if (item.BatchRows == 0) return;
            var all = Results(device, item);
            foreach (var row in new[] { 0, item.BatchRows / 2, item.BatchRows - 1 }.Distinct())
            {
                var alone = Results(device, item, row);
                var same = all.Select(x => x.AsSpan(x.Length / item.BatchRows * row, x.Length / item.BatchRows).ToArray());
                AssertSameBits([.. same], alone);
            }
        });
    }

    /// <summary>A prompt twice as long takes twice the memory of a thread and not four times: scores are never held for all queries.</summary>
    [Fact]
    public void AttentionTakesMemoryInProportionToTheTokens()
    {
        RowKernels[] all = [new RowKernels<Lanes128>(), new RowKernels<Lanes256>(), new RowKernels<Lanes512>()];
        foreach (var kernels in all)
        {
            foreach (var backward in new[] { false, true })
            {
                long Floats(int keys) => kernels.AttentionScratch(64, keys, backward);
                Assert.InRange(Floats(8192), Floats(4096) + 1, 2 * Floats(4096));
                Assert.Equal(Floats(8192) - Floats(4096), Floats(12288) - Floats(8192));
            }
        }
    }

    static void AssertSameBits(IReadOnlyList<float[]> expected, IReadOnlyList<float[]> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
            if (!MemoryMarshal.AsBytes<float>(expected[i]).SequenceEqual(MemoryMarshal.AsBytes<float>(actual[i])))
                Assert.Fail($"Result {i} has other bits.");
    }

    /// <summary>Of all that a device may do in its own way, abstract or not.</summary>
    [Fact]
    public void EveryOperationHasACase() =>
        Assert.Empty(typeof(Device).GetMethods().Where(m => m.IsVirtual && !m.IsSpecialName && m.DeclaringType == typeof(Device)).Select(m => m.Name).Except(OpCases.All.Select(c => c.Op)).Except(Memory));
}
