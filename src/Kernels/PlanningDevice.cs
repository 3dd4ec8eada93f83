using Faith.Kernels.Gpu;
using Faith.Kernels.Host;

namespace Faith.Kernels;

/// <summary>
/// A device that is not there: it allocates nothing and computes nothing, but counts the bytes that the real one would hold, so
/// that the very code that runs a model also says what it needs. Never read its memory.
/// </summary>
public sealed class PlanningDevice : Device
{
    private const int LargestCache = 128 << 20, MostMultiprocessors = 192;
    private readonly long memory;
    private readonly int? gpuCache;
    private readonly int contractionWave;
    private long held;
    private long scratch;

    private PlanningDevice(string name, long memory, int? gpuCache, int contractionWave = 0)
    {
        Name = name;
        this.memory = memory;
        this.gpuCache = gpuCache;
        this.contractionWave = contractionWave;
    }

    /// <summary>A CPU with this much memory.</summary>
    public static PlanningDevice Host(long memory) => new("cpu", memory, null) { Limits = HostDevice.LimitsOfHost };

    /// <summary>
    /// A GPU with this much memory and, unless given, a level 2 cache as large and multiprocessors as many as any: what a contraction
    /// takes grows with them.
    /// </summary>
    public static PlanningDevice Gpu(string name, long memory, GpuDeviceInfo? device = null) =>
        new(name, memory, device?.Cache ?? LargestCache, device?.ContractionWave ?? GpuScratch.WaveOfContraction(MostMultiprocessors, int.MaxValue))
        {
            Limits = GpuDevice.LimitsOfGpu,
        };

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>True for a CPU.</summary>
    public bool IsHost => gpuCache is null;

    /// <summary>True to refuse, like the device itself, what does not fit; otherwise <see cref="FreeMemory"/> says how much is missing.</summary>
    public bool RefusesMore { get; set; }

    /// <summary>Bytes of weight matrices that products have read, each as often as it was multiplied with.</summary>
    public double WeightBytesRead { get; private set; }

    /// <summary>What is left of the memory; below zero where more is held than there is.</summary>
    public override long FreeMemory => memory - held;

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long bytes) => new CountedBuffer(this, bytes, IsHost ? bytes : GpuBuffer.BytesOf(bytes));

    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new CountedWeights(source, Allocate(IsHost ? HostWeights.BytesOf(source) : GpuWeights.BytesOf(source)));
    }

    /// <summary>Gives back what operations on a GPU have taken for their own inside, and says how much it was. On the CPU it is not counted.</summary>
    public long ReleaseScratch()
    {
        var bytes = scratch;
        held -= bytes;
        scratch = 0;
        return bytes;
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset) { }
    /// <inheritdoc/>
    public override void Download(DeviceBuffer source, long offset, Span<byte> destination) => destination.Clear(); // it holds no results
    /// <inheritdoc/>
    public override void Synchronize() { }
    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) { }
    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y) { }
    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y) { }
    /// <inheritdoc/>
    public override void Scale(Tensor x, float factor) { }
    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y) { }
    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y) { }
    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false) { }
    /// <inheritdoc/>
    public override void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false) { }
    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y) { }
    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma) { }
    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx) { }
    /// <inheritdoc/>
    public override void NormDifferential(Tensor dx, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, Tensor y) { }
    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0, Epilogue then = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        WeightBytesRead += weights.Bytes * ((double)x.Columns * y.Columns / ((double)weights.Inputs * weights.Outputs));
    }

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor a, Tensor b, Tensor y) { }
    /// <inheritdoc/>
    public override void Activate(Activation activation, Tensor u, Tensor y, Tensor slope) { }
    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp) { }
    /// <inheritdoc/>
    public override void Mix(in NormedMix mix, Tensor y) { }
    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool interleaved, bool inverse, Tensor y) { }
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers) { }
    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        if (gpuCache is not null && !dq.IsNone) TakeScratch(GpuScratch.OfAttentionBackward(layout, shape));
    }

    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y) { }
    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s) { }
    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        if (gpuCache is not { } cache || contraction.Layout.Rows == 0) return;
        var (bytes, least) = GpuScratch.OfContraction(contraction, cache, contractionWave, GpuScratch.MostOfContraction(memory));
        while (bytes > least && bytes > FreeMemory + scratch) bytes = GpuScratch.LessOfContraction(bytes, least);
        TakeScratch(bytes);
    }

    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy) { }
    /// <inheritdoc/>
    public override void SoftCap(Tensor x, float cap, Tensor y) { }
    /// <inheritdoc/>
    public override void SoftCapBackward(Tensor y, float cap, Tensor dy, Tensor dx) { }
    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits) { }
    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits) { }
    /// <inheritdoc/>
    public override void Combine(Tensor weights, Tensor x, Tensor baseline, Tensor y) { }
    /// <inheritdoc/>
    public override void ContractRows(Ragged layout, Tensor x, Tensor g, int pitch, Tensor scores)
    {
        if (gpuCache is not null) TakeScratch(GpuScratch.OfRows(layout, x.Rows, g.Rows));
    }

    /// <inheritdoc/>
    public override void Dispose() { }

    private void TakeScratch(long bytes)
    {
        if (bytes <= scratch) return;
        ReleaseScratch();
        Hold(bytes);
        scratch = bytes;
    }

    // Returns a handle of nothing.
    private nint Hold(long bytes)
    {
        if (RefusesMore && bytes > FreeMemory) throw new DeviceMemoryException($"{Name} has too little memory for {bytes:N0} more bytes: {FreeMemory:N0} of {memory:N0} are free");
        held += bytes;
        return 1;
    }

    private sealed class CountedBuffer(PlanningDevice device, long bytes, long taken) : DeviceBuffer(device.Hold(taken), bytes)
    {
        protected override bool ReleaseHandle()
        {
            SetHandle(0);
            Interlocked.Add(ref device.held, -taken);
            return true;
        }
    }

    private sealed class CountedWeights(MatrixSource source, DeviceBuffer buffer) : Weights(source.Inputs, source.Outputs)
    {
        public override long Bytes => buffer.Bytes;
        public override void Dispose() => buffer.Dispose();
    }
}
