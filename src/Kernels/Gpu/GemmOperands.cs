using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>What follows a product y; see <see cref="EpilogueKind"/>.</summary>
internal enum Following
{
    Nothing,
    Activate,
    Times,
    Gate,
    GateBackward,
}

internal struct GemmOperands<W> where W : unmanaged
{
    public Matrix X, Y, Operand;
    public ArrayView<W> Weights;
    public ArrayView<float> Bias;
    /// <summary>Elements from one product of a batch to the next.</summary>
    public long BatchX, BatchWeights, BatchY;
    public int StrideW, Add, AlignedY, Following, Function, Ratio;
}

/// <summary>Where results go: y (= or +=) results + bias. For gated products one half of a tile's columns are gates and the other half their ups.</summary>
internal readonly struct GemmOutput(ArrayView<float> y, ArrayView<float> bias, int rows, int stride, int first, int width, int end, int add, int aligned)
{
    private readonly ArrayView<float> y = y, bias = bias;
    private readonly int rows = rows, stride = stride, first = first, width = width, end = end, add = add, aligned = aligned;

    /// <summary>Column of y that is column c of the tile.</summary>
    public int Column(int c) => first + (c < width ? c : end + c - width);

    /// <summary>Columns from there to the end.</summary>
    public int Left(int c) => end - first - (c < width ? c : c - width);

    /// <summary>Four neighbours of row m from column c of the tile on, those that there are.</summary>
    public void Store(int m, int c, Float4 v)
    {
        int n = Column(c), left = Left(c);
        if (m >= rows || left <= 0) return;
        var to = y.SubView((long)m * stride + n);
        if (aligned != 0 && left >= 4)
        {
            if (bias.Length > 0) v = v + new Float4(bias[n], bias[n + 1], bias[n + 2], bias[n + 3]);
            var four = to.AsAligned(16).Cast<Float4>();
            if (add != 0) v = four[0] + v;
            four[0] = v;
            return;
        }
        One(to, 0, n, v.X);
        if (left > 1) One(to, 1, n + 1, v.Y);
        if (left > 2) One(to, 2, n + 2, v.Z);
        if (left > 3) One(to, 3, n + 3, v.W);
    }

    private void One(ArrayView<float> to, int at, int n, float v)
    {
        if (bias.Length > 0) v += bias[n];
        to[at] = add != 0 ? to[at] + v : v;
    }
}
