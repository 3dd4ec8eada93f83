using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>What the device promises beyond the formulas of its operations: memory, counts, refusals, and the same bits however the work is cut.</summary>
[Collection("cuda")]
public sealed class GpuDeviceTests(SimulatedFixture fixture) : IDisposable
{
    private readonly List<IDisposable> opened = [];

    private GpuDevice Device { get; } = fixture.Device;

    public void Dispose()
    {
        opened.ForEach(o => o.Dispose());
        SimulatedGpu.Reset();
    }

    private Tensor New(Device device, int rows, int columns, Func<int, float>? value = null)
    {
        var memory = device.Allocate(4L * Math.Max(1, rows * columns));
        opened.Add(memory);
        var x = new Tensor(memory, rows, columns);
        device.Upload(Enumerable.Range(0, rows * columns).Select(i => value?.Invoke(i) ?? i * 0.37f % 1 - 0.5f).ToArray(), x);
        return x;
    }

    private static float[] Get(Device device, Tensor x)
    {
        var values = new float[x.Extent];
        device.Download(x, values);
        return values;
    }

    [Theory]
    [InlineData(WeightSide.Forward)]
    [InlineData(WeightSide.Transposed)]
    public void ARowOfAProductHasTheSameBitsInEveryTile(WeightSide side)
    {
        SimulatedGpu.Reset();
        const int rows = 300, width = 260;
        using var device = SimulatedFixture.Open();
        using var weights = device.CreateWeights(new ArrayMatrix([.. Enumerable.Range(0, width * width).Select(i => i * 0.73f % 1 - 0.5f)], width, width, false));
        var x = New(device, rows, width);
        float[] FirstRow(int count, string tile)
        {
            var y = New(device, count, width);
            device.Multiply(weights, side, x.RowRange(0, count), y);
            Assert.Contains(device.LoadedKernels, k => k.StartsWith($"Multiply.Single32.{tile}.", StringComparison.Ordinal));
            return Get(device, y.RowRange(0, 1));
        }
        var small = FirstRow(1, "32");
        Assert.Equal(small, FirstRow(40, "64"));
        Assert.Equal(small, FirstRow(rows, "128"));
    }

    /// <summary>The third of five rows begins at element 2^31 of its memory, where an int as index is negative, and the last at 2^32, where it is 0 again. Few pages of it are touched.</summary>
    [LargeMemoryFact]
    public void RowsMayBeginBeyondWhatThirtyTwoBitsCount()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.MemoryBytes = 2 * LargeMemoryFactAttribute.Bytes;
        const int rows = 5, columns = 8, stride = 1 << 30;
        using var memory = Device.Allocate(sizeof(float) * ((rows - 1L) * stride + columns));
        using var weights = Device.CreateWeights(new ArrayMatrix([.. Enumerable.Range(0, columns * columns).Select(i => i * 0.73f % 1 - 0.5f)], columns, columns, false));
        using var numbers = Device.Allocate(sizeof(int) * rows);
        var order = Device.Upload([4, 0, 2, 1, 3], new Indices(numbers, 0, rows));
        Tensor x = New(Device, rows, columns), near = New(Device, rows, columns), far = new(memory, 0, rows, columns, stride);
        Tensor scale = New(Device, 1, columns), sigma = New(Device, rows, 1);
        Check(y => Device.Copy(x, y));
        Check(y => Device.AddScaled(x, 0.3f, y));
        Check(y => Device.Multiply(weights, WeightSide.Forward, x, y));
        Check(y => Device.NormForward(x, scale, default, 1e-5f, true, y, default, sigma));
        Check(y => Device.GatherRows(x, order, 1, y, add: true));
        Check(y => Device.ScatterAddRows(x, order, y));
        // Read from there.
        Tensor a = New(Device, rows, columns), b = New(Device, rows, columns);
        foreach (var (from, to) in new[] { (near, a), (far, b) })
        {
            Device.Multiply(weights, WeightSide.Transposed, from, to);
            Device.GatherRows(from, order, 1, to, add: true);
        }
        Assert.Equal(Get(Device, a), Get(Device, b));

        void Check(Action<Tensor> operation)
        {
            operation(near);
            operation(far);
            var there = New(Device, rows, columns);
            Device.Copy(far, there);
            Assert.Equal(Get(Device, near), Get(Device, there));
        }
    }

    /// <summary>Room for one pack at a time, and for all of them.</summary>
    [Fact]
    public void ScoresHaveTheSameBitsHoweverTheRowsAreCut()
    {
        SimulatedGpu.Reset();
        using var onePack = new GpuDevice(GpuDevices.NewContext(GpuKind.Cuda), SimulatedFixture.Probe().Devices[0]) { ContractionMemory = 1 };
        foreach (var item in Cases.All.Where(c => c.Op == "ContractScores"))
        {
            SimulatedGpu.Launched.Clear();
            var together = Cases.Results(Device, item, compare: false);
            var launches = SimulatedGpu.Launched.Count;
            Cases.AssertSame(together, Cases.Results(onePack, item, compare: false), $"{item}, a pack at a time");
            if (item.Shape.Contains("rows 3+35+1+16+17+2", StringComparison.Ordinal)) Assert.True(SimulatedGpu.Launched.Count - launches > 2 * launches, "one chunk only");
        }
    }

    [Fact]
    public void AContractionTakesWhatMemoryThereIs()
    {
        var item = Cases.All.Single(c => c.Op == "ContractScores" && c.Shape.Contains("rows 3+35+1+16+17+2", StringComparison.Ordinal));
        SimulatedGpu.Reset();
        var expected = Cases.Results(Device, item, compare: false);
        using var device = SimulatedFixture.Open();
        device.Warm();
        // Less and less, until a single pack does not fit.
        for (var room = 4L << 20; room > 1L << 16; room = room * 3 / 4)
        {
            SimulatedGpu.Reset();
            SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + room;
            try
            {
                Cases.AssertSame(expected, Cases.Results(device, item, compare: false), $"{item} in {room} bytes");
            }
            catch (InvalidOperationException e) when (e.InnerException is DeviceMemoryException)
            {
                Assert.True(room < 2L << 20, $"{room} bytes are not enough");
                return;
            }
        }
        Assert.Fail("no room is too small");
    }

    [Fact]
    public void OperationsNeitherCopyNorWait()
    {
        SimulatedGpu.Reset();
        using var weights = Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        Tensor x = New(Device, 7, 3), y = New(Device, 7, 5), scale = New(Device, 1, 5);
        var (copies, waits) = (SimulatedGpu.Copies, SimulatedGpu.Waits);
        Device.Multiply(weights, WeightSide.Forward, x, y);
        Device.NormForward(y, scale, default, 1e-5f, true, y, default, default);
        Device.Fill(x, 3);
        Assert.Equal((copies, waits), (SimulatedGpu.Copies, SimulatedGpu.Waits));
    }

    [Fact]
    public void EmptyOperandsLaunchNothing()
    {
        SimulatedGpu.Reset();
        using var weights = Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        var x = New(Device, 1, 3);
        SimulatedGpu.Launched.Clear();
        Device.Multiply(weights, WeightSide.Forward, x.RowRange(0, 0), New(Device, 1, 5).RowRange(0, 0));
        Device.Fill(x.RowRange(0, 0), 1);
        Assert.Empty(SimulatedGpu.Launched);
    }

    [Fact]
    public void ShapesThatDoNotFitAreRefused()
    {
        SimulatedGpu.Reset();
        using var weights = Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        Tensor X(int rows, int columns) => New(Device, rows, columns);
        Assert.Throws<ArgumentException>(() => Device.Multiply(weights, WeightSide.Forward, X(2, 4), X(2, 5)));
        Assert.Throws<ArgumentException>(() => Device.Multiply(weights, WeightSide.Forward, X(2, 3), X(2, 5), k0: 1));
        Assert.Throws<ArgumentException>(() => Device.Copy(X(2, 4), X(2, 5)));
        string OfNorm(int scale, int y) => Assert.Throws<ArgumentException>(() => Device.NormForward(X(2, 4), X(1, scale), default, 0, true, X(2, y), default, default)).Message;
        Assert.Contains("4 columns are no multiple of 1 parts of 3", OfNorm(3, 4), StringComparison.Ordinal);
        Assert.Contains("y is 2 × 5, not 2 × 4", OfNorm(4, 5), StringComparison.Ordinal);
    }

    [Fact]
    public void MixedProductsWithoutRowsAreNoneAndNeedRoomForAnInput()
    {
        SimulatedGpu.Reset();
        using var weights = Device.CreateWeights(new ArrayMatrix([1, 2, 3, 4], 2, 2, false));
        Tensor X(int rows, int columns) => New(Device, rows, columns);
        void Multiply(int rows, int room) => Device.MultiplyMixed(new(X(rows, 2), X(rows, 2), new(null, 0, 2), default, X(1, 2), default, 1e-5f, Centred: true), weights,
            [new(0, 0, X(rows, 2), default)], X(room, 2));
        Multiply(0, 3);
        Assert.StartsWith("2 rows of work for inputs of 3 rows", Assert.Throws<ArgumentException>(() => Multiply(3, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HeadsThatAreTooWideAreRefused()
    {
        SimulatedGpu.Reset();
        var layout = new Ragged([1], [0], [0], false);
        using var memory = Device.Allocate(4 * layout.Integers);
        Device.Prepare(layout, new(memory, 0, layout.Integers));
        var x = New(Device, 1, 257);
        Assert.Equal("heads of width 257: the GPU kernels take at most 256",
            Assert.Throws<NotSupportedException>(() => Device.AttentionForward(layout, new(1, 257, 1, 1, 1), x, x, x, default, default, x, New(Device, 1, 2))).Message);
    }

    // ---- memory ----

    [Fact]
    public void MemoryIsZeroAndWhatIsWrittenComesBack()
    {
        SimulatedGpu.Reset();
        // More than what goes through a staging buffer at once, to an odd place.
        var values = new byte[(9 << 20) + 3];
        new Random(1).NextBytes(values);
        using var memory = Device.Allocate(values.Length + 5);
        var back = new byte[values.Length + 5];
        Device.Download(memory, 0, back);
        Assert.All(back, b => Assert.Equal(0, b));
        Device.Upload(values, memory, 5);
        Device.Download(memory, 0, back);
        Assert.Equal(values, back[5..]);
    }

    [Fact]
    public void TooLittleMemorySaysHowMuch()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 4800;
        var error = Assert.Throws<DeviceMemoryException>(() => Device.Allocate(6000));
        Assert.Contains("6,000 more bytes: 4,800 of", error.Message, StringComparison.Ordinal);
        Assert.Equal(4800, Device.FreeMemory);
        // Nothing is lost by the attempt.
        Device.Allocate(4800).Dispose();
    }

    [Fact]
    public void BuffersAreFreedOnceAndTakeWhatThePlannerSays()
    {
        SimulatedGpu.Reset();
        var before = SimulatedGpu.Memory.Used;
        var buffer = Device.Allocate(1001);
        Assert.Equal(before + GpuBuffer.BytesOf(1001), SimulatedGpu.Memory.Used);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal(before, SimulatedGpu.Memory.Used);
        Assert.Throws<ObjectDisposedException>(() => Device.Download(buffer, 0, new byte[1]));
    }

    [Fact]
    public void ADisposedDeviceLeavesNothingBehind()
    {
        SimulatedGpu.Reset();
        var (memory, handles) = (SimulatedGpu.Memory.Used, SimulatedGpu.LiveHandles);
        var device = SimulatedFixture.Open();
        var buffer = device.Allocate(64);
        device.Fill(new(buffer, 1, 16), 1);
        buffer.Dispose();
        device.Dispose();
        Assert.Equal((memory, handles), (SimulatedGpu.Memory.Used, SimulatedGpu.LiveHandles));
    }

    // ---- errors ----

    [Fact]
    public void AKernelThatLeavesItsBufferIsNamed()
    {
        SimulatedGpu.Reset();
        using var device = SimulatedFixture.Open();
        using DeviceBuffer memory = device.Allocate(4 * 32), numbers = device.Allocate(4);
        // 16 GiB away, where no other test has anything.
        device.Upload([1 << 30], new Indices(numbers, 0, 1));
        var error = Assert.Throws<GpuException>(() =>
        {
            device.GatherRows(new Tensor(memory, 4, 4), new(numbers, 0, 1), 1, new(memory, 16, 1, 4));
            device.Synchronize();
        });
        Assert.Matches(@"^cuda:0: .*kernel Kernel_Loop, PTX line \d+ 'ld\.f32.*: thread \d+: global address \w+ is in no allocation", error.Message);
        // As on a real device, nothing works after that.
        Assert.Throws<GpuException>(device.Synchronize);
    }

    [Fact]
    public void AFaultOfAKernelEndsInOneLineAndNothingWorksAfterIt()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Rewrite = ptx => ptx.Replace("bar.sync", "bar.sideways", StringComparison.Ordinal);
        using var device = SimulatedFixture.Open();
        Tensor x = New(device, 1, 4), scale = New(device, 1, 4);
        var error = Assert.Throws<GpuException>(() => device.NormForward(x, scale, default, 0, true, x, default, default));
        Assert.StartsWith("cuda:0: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>ILGPU compiles nothing any more in a context where it once could not; other devices have contexts of their own.</summary>
    [Fact]
    public void AKernelThatIlgpuCannotCompileEndsInOneLineAndNothingIsCompiledAfterIt()
    {
        SimulatedGpu.Reset();
        using (var device = SimulatedFixture.Open())
        {
            Tensor x = New(device, 1, 4), y = New(device, 1, 4);
            device.Copy(x, y);
            var error = Assert.Throws<GpuKernelException>(() => device.Compiled(new GpuKernel<int>("Broken", Broken, 32)));
            Assert.Matches("^cuda:0: ILGPU cannot compile the kernel Broken: .+", error.Message);
            Assert.DoesNotContain('\n', error.Message);
            Assert.Same(error, Assert.Throws<GpuKernelException>(() => device.AddScaled(x, 1, y)));
            // What has been compiled goes on.
            device.Copy(x, y);
            device.Synchronize();
        }
        using var next = SimulatedFixture.Open();
        next.AddScaled(New(next, 1, 4), 1, New(next, 1, 4));
    }

    private static void Broken(int n) => Console.WriteLine(n);

    /// <summary>A driver keeps what it compiles, and knows it by its text: that must not depend on what was compiled before.</summary>
    [Fact]
    public void TheTextOfAKernelDoesNotDependOnThoseCompiledBefore()
    {
        SimulatedGpu.Reset();
        AssertSameTexts(() => SimulatedFixture.Open());
    }

    internal static void AssertSameTexts(Func<GpuDevice> open)
    {
        GpuKernel[] kernels = [.. GpuKernel.All.Where((k, i) => !k.CudaOnly && i % 6 == 0)];
        using GpuDevice one = open(), other = open();
        string[] Texts(GpuDevice device, IEnumerable<GpuKernel> order) => [.. order.Select(k => StableText.Read(device.Compile(k))!)];
        var texts = Texts(one, kernels);
        Assert.All(texts, text => Assert.NotEmpty(text));
        Assert.Equal(texts.Reverse(), Texts(other, kernels.Reverse()));
    }

    [Fact]
    public void ADriverWithoutAGpuSaysSo()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.InitResult = 100;
        var probe = SimulatedFixture.Probe();
        Assert.False(probe.Available);
        Assert.True(probe.IsInstalled);
        Assert.StartsWith("cuInit failed: ", probe.Reason, StringComparison.Ordinal);
        Assert.StartsWith("CUDA is not available: cuInit failed", Assert.Throws<GpuException>(() => Devices.Open("cuda", probes: new(probe))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnOldDriverSaysWhichIsNeeded()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.DriverVersion = 10020;
        Assert.Equal("the driver supports CUDA 10.2; 11.0 or newer is needed", SimulatedFixture.Probe().Reason);
    }

    [Fact]
    public void AnOldGpuSaysWhatIsNeeded()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Capability = (7, 5);
        var probe = SimulatedFixture.Probe();
        Assert.Contains("no GPU of compute capability 8.0 or higher: Simulated GPU (sm_75", probe.Reason, StringComparison.Ordinal);
        Assert.Contains("compute capability 8.0 or higher is needed", Assert.Throws<GpuException>(() => Devices.Open("cuda:0", probes: new(probe))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADeviceThatIsNotThereIsRefused()
    {
        SimulatedGpu.Reset();
        Assert.Contains("there is no device 3; the driver reports 1", Assert.Throws<GpuException>(() => Devices.Open("cuda:3", probes: new(SimulatedFixture.Probe()))).Message, StringComparison.Ordinal);
    }
}
