using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct NormOperands(Matrix x, Matrix scale, Matrix shift, Matrix y, Matrix xhat, Matrix inverseSigma, float epsilon, bool centred, bool add)
{
    public Matrix X = x, Scale = scale, Shift = shift, Y = y, Xhat = xhat, InverseSigma = inverseSigma;
    public float Epsilon = epsilon;
    public int Centred = centred ? 1 : 0, Add = add ? 1 : 0;
}

/// <summary>
/// LayerNorm and RMSNorm, one block a part of a row. The number of threads depends on the width only, and so does the order of the additions. Bytes:
/// forward 4 to 8 an element and output, backward 12 (16 with add); about 10 operations an element.
/// </summary>
internal static class NormKernels
{
    public const int Threads = 256;

    public static GpuKernel<NormOperands> Forwards { get; } = new("NormForward", Forward, Threads);
    public static GpuKernel<NormOperands> Backwards { get; } = new("NormBackward", Backward, Threads);
    public static GpuKernel<NormOperands> Differentials { get; } = new("NormDifferential", Differential, Threads);

    /// <summary>Sets y = scale⊙x̂ + shift, and xhat and inverseSigma unless none, with x̂ = (x − mean)/σ.</summary>
    public static void Forward(NormOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int width = p.Scale.Columns, parts = p.X.Columns / width, row = Grid.IdxX / parts, part = Grid.IdxX % parts, t = Group.IdxX, threads = Group.DimX;
        var x = p.X.From(row, part * width);
        var mean = p.Centred != 0 ? Columns.Sum(x, width, slots) / width : 0f;
        float squares = 0;
        for (var i = t; i < width; i += 4 * threads)
        {
            var four = Columns.Load(x, i, width);
            squares = Exact.Fma(four.X - mean, four.X - mean, squares);
            if (i + threads < width) squares = Exact.Fma(four.Y - mean, four.Y - mean, squares);
            if (i + 2 * threads < width) squares = Exact.Fma(four.Z - mean, four.Z - mean, squares);
            if (i + 3 * threads < width) squares = Exact.Fma(four.W - mean, four.W - mean, squares);
        }
        var inverse = 1f / MathF.Sqrt(Reduce.OverBlock<Sum>(squares, slots) / width + p.Epsilon);
        for (var i = t; i < width; i += 4 * threads)
        {
            var four = Columns.Load(x, i, width);
            Write(p, row, part, i, (four.X - mean) * inverse);
            if (i + threads < width) Write(p, row, part, i + threads, (four.Y - mean) * inverse);
            if (i + 2 * threads < width) Write(p, row, part, i + 2 * threads, (four.Z - mean) * inverse);
            if (i + 3 * threads < width) Write(p, row, part, i + 3 * threads, (four.W - mean) * inverse);
        }
        if (!p.InverseSigma.IsNone && t == 0) p.InverseSigma[row, part] = inverse;
    }

    private static void Write(in NormOperands p, int row, int part, int i, float xhat)
    {
        var column = part * p.Scale.Columns + i;
        if (!p.Xhat.IsNone) p.Xhat[row, column] = xhat;
        var shift = 0f;
        if (!p.Shift.IsNone) shift = p.Shift.Data[i];
        p.Y[row, column] = Exact.Fma(p.Scale.Data[i], xhat, shift);
    }

    /// <summary>
    /// Sets (or, with add, adds to) y the gradient of a part of a row, or of one of several copies of it in turn: (h − mean(h)·[centred] − x̂·mean(h⊙x̂))/σ, h = scale⊙x. Here x is the gradient of
    /// the norm's output and y that of its input. Without x̂ σ is constant, and x̂·mean(h⊙x̂) is not there.
    /// </summary>
    public static void Backward(NormOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int width = p.Scale.Columns, parts = p.X.Columns / width, row = Grid.IdxX / parts, part = Grid.IdxX % parts, t = Group.IdxX, threads = Group.DimX;
        var (known, copied) = (!p.Xhat.IsNone, part / (parts / p.InverseSigma.Columns));
        ArrayView<float> dy = p.X.From(row, part * width), xhat = known ? p.Xhat.From(row, copied * width) : dy, scale = p.Scale.Data;
        float sum = 0, product = 0;
        for (var i = t; i < width; i += threads)
        {
            sum = Exact.Fma(scale[i], dy[i], sum);
            if (known) product = Exact.Fma(scale[i] * dy[i], xhat[i], product);
        }
        var mean = p.Centred != 0 ? Reduce.OverBlock<Sum>(sum, slots) / width : 0f;
        var along = Reduce.OverBlock<Sum>(product, slots) / width;
        var inverse = p.InverseSigma[row, copied];
        var dx = p.Y.From(row, part * width);
        for (var i = t; i < width; i += threads)
        {
            var gradient = scale[i] * dy[i] - mean;
            if (known) gradient -= xhat[i] * along;
            gradient *= inverse;
            dx[i] = p.Add != 0 ? dx[i] + gradient : gradient;
        }
    }

    /// <summary>
    /// Sets y = scale⊙(x − mean(x)·[centred] − x̂·mean(x̂⊙x))/σ: here x is a change of the norm's input and y that of its output. There are as many rows of x̂
    /// and σ as of inverseSigma, for each as many again of x. Without x̂ σ is constant, and x̂·mean(x̂⊙x) is not there.
    /// </summary>
    public static void Differential(NormOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int row = Grid.IdxX, known = row % p.InverseSigma.Rows, width = p.X.Columns, t = Group.IdxX, threads = Group.DimX;
        var has = !p.Xhat.IsNone;
        ArrayView<float> x = p.X.From(row), xhat = has ? p.Xhat.From(known) : x, scale = p.Scale.Data;
        float sum = 0, product = 0;
        for (var i = t; i < width; i += threads)
        {
            sum += x[i];
            if (has) product = Exact.Fma(x[i], xhat[i], product);
        }
        var mean = p.Centred != 0 ? Reduce.OverBlock<Sum>(sum, slots) / width : 0f;
        var along = Reduce.OverBlock<Sum>(product, slots) / width;
        var inverse = p.InverseSigma[known, 0];
        var y = p.Y.From(row);
        for (var i = t; i < width; i += threads)
        {
            var change = x[i] - mean;
            if (has) change -= xhat[i] * along;
            y[i] = change * inverse * scale[i];
        }
    }
}

/// <summary>Columns of a row, four at a time a thread: all four are loaded before the first is used, so that the time that memory takes passes once for all of them.</summary>
internal static class Columns
{
    public static Float4 Load(ArrayView<float> x, int first, int count)
    {
        var threads = Group.DimX;
        Float4 four = default;
        four.X = x[first];
        if (first + threads < count) four.Y = x[first + threads];
        if (first + 2 * threads < count) four.Z = x[first + 2 * threads];
        if (first + 3 * threads < count) four.W = x[first + 3 * threads];
        return four;
    }

    /// <summary>Their sum, in every thread of the block.</summary>
    public static float Sum(ArrayView<float> x, int count, ArrayView<float> slots)
    {
        float sum = 0;
        for (var i = Group.IdxX; i < count; i += 4 * Group.DimX)
        {
            // What is not there is zero.
            var four = Load(x, i, count);
            sum = sum + four.X + four.Y + four.Z + four.W;
        }
        return Reduce.OverBlock<Sum>(sum, slots);
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma)
    {
        RequireShape(y, x.Rows, x.Columns);
        var parts = Parts(x.Columns, scale.Columns, 1);
        if (!xhat.IsNone) RequireShape(xhat, x.Rows, x.Columns);
        if (!inverseSigma.IsNone) RequireShape(inverseSigma, x.Rows, parts);
        Launch(NormKernels.Forwards, new NormOperands(View(x), View(scale), View(shift), View(y), View(xhat), View(inverseSigma), epsilon, centred, false), x.Rows * parts,
            threads: RowThreads(scale.Columns));
    }

    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx)
    {
        if (!xhat.IsNone) RequireShape(xhat, dy.Rows, inverseSigma.Columns * scale.Columns);
        RequireShape(dx, dy.Rows, dy.Columns);
        var parts = Parts(dy.Columns, scale.Columns, inverseSigma.Columns);
        Launch(NormKernels.Backwards, new NormOperands(View(dy), View(scale), default, View(dx), View(xhat), View(inverseSigma), 0, centred, add), dy.Rows * parts,
            threads: RowThreads(scale.Columns));
    }

    /// <inheritdoc/>
    public override void NormDifferential(Tensor dx, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, Tensor y)
    {
        if (!xhat.IsNone) RequireShape(xhat, inverseSigma.Rows, dx.Columns);
        RequireShape(y, dx.Rows, dx.Columns);
        RequireShape(scale, 1, dx.Columns);
        Launch(NormKernels.Differentials, new NormOperands(View(dx), View(scale), default, View(y), View(xhat), View(inverseSigma), 0, centred, false), dx.Rows,
            threads: RowThreads(dx.Columns));
    }

    /// <summary>How many parts of a width columns have; a multiple of <paramref name="of"/>.</summary>
    private static int Parts(int columns, int width, int of) =>
        columns % ((long)width * of) == 0 ? columns / width : throw new ArgumentException($"{columns} columns are no multiple of {of} parts of {width}", nameof(columns));
}
