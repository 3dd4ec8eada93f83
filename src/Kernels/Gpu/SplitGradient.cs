using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct SplitOperands(Matrix gradient, Matrix projection, Matrix projectionAtZero, Matrix inverseSigma, Matrix alpha, Matrix s, int width, int headDim, int group, float weight)
{
    public Matrix Gradient = gradient, Projection = projection, ProjectionAtZero = projectionAtZero, InverseSigma = inverseSigma, Alpha = alpha, S = s;
    public int Width = width, HeadDim = headDim, Group = group;
    public float Weight = weight;
}

/// <summary>
/// The accumulated gradients of the split inputs (method.md §3, consequence 2). Adds alpha += weight·gradient/σ; sets s[row, h] =
/// weight·((c − b′)·gradient)/(width·σ), unless s is none. A warp a head, block x-index the row. Bytes: 16 an element of gradient; 4 operations.
/// </summary>
internal static class SplitGradientKernel
{
    public const int Threads = 256, HeadsOfBlock = Threads / 32;

    public static GpuKernel<SplitOperands> Kernel { get; } = new("SplitGradient", SplitGradient, Threads);

    public static void SplitGradient(SplitOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int row = Grid.IdxX, lane = Group.IdxX & 31, head = Grid.IdxY * HeadsOfBlock + (Group.IdxX >> 5);
        // All threads meet in the reduction: those without a head have no columns.
        var columns = head < p.Gradient.Columns / p.HeadDim ? p.HeadDim : 0;
        int own = head * p.HeadDim, shared = head / p.Group * p.HeadDim;
        bool products = !p.S.IsNone, shifted = !p.ProjectionAtZero.IsNone;
        float factor = p.Weight * p.InverseSigma[row, 0], product = 0;
        for (var i = lane; i < columns; i += 32)
        {
            var g = p.Gradient[row, own + i];
            if (products)
            {
                var c = p.Projection[row, shared + i];
                if (shifted) c -= p.ProjectionAtZero.Data[shared + i];
                product = Exact.Fma(c, g, product);
            }
            p.Alpha[row, own + i] = Exact.Fma(factor, g, p.Alpha[row, own + i]);
        }
        if (!products) return;
        product = Reduce.OverLanes<Sum>(product, slots);
        if (lane == 0 && columns > 0) p.S[row, head] = factor * product / p.Width;
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s)
    {
        RequireShape(alpha, gradient.Rows, gradient.Columns);
        if (!s.IsNone)
        {
            RequireShape(gradient, s.Rows, s.Columns * headDim);
            RequireShape(projection, s.Rows, s.Columns / group * headDim);
        }
        Launch(SplitGradientKernel.Kernel, new SplitOperands(View(gradient), View(projection), View(projectionAtZero), View(inverseSigma), View(alpha), View(s),
            width, headDim, group, weight), gradient.Rows, CeilDiv(gradient.Columns / headDim, SplitGradientKernel.HeadsOfBlock));
    }
}
