using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The norm of a layer's queries, or of its keys: of every head by itself, or of all heads together.</summary>
/// <param name="Norm">γ of all heads alike, or with <paramref name="OwnWidth"/> those of one head after another.</param>
/// <param name="OwnWidth">d_head where every head has weights of its own, else 0.</param>
internal readonly record struct HeadNorm(Norm Norm, int OwnWidth)
{
    /// <summary>y = the norm of heads of x; <paramref name="heads"/> says which as in <see cref="HeadColumns"/>.</summary>
    public void Forward(Tensor x, Tensor y, NormTrace trace = default, ReadOnlySpan<int> heads = default)
    {
        if (OwnWidth == 0)
        {
            Norm.Forward(x, y, trace.XHat, trace.InverseSigma);
            return;
        }
        var blocks = x.Columns / OwnWidth;
        for (var i = 0; i < blocks; i++)
        {
            var part = Part(trace, i);
            Of(i, blocks, heads).Forward(Block(x, i), Block(y, i), part.XHat, part.InverseSigma);
        }
    }

    /// <summary>g = the gradient at x of one at y, of all heads: where they share keys each gives one for its copy, and the trace may be of the keys or of these.</summary>
    public void Backward(Tensor g, NormTrace trace)
    {
        if (OwnWidth == 0)
        {
            Norm.Backward(g, trace.XHat, trace.InverseSigma, add: false, g);
            return;
        }
        var (blocks, width) = (trace.InverseSigma.Columns, g.Columns / trace.InverseSigma.Columns);
        for (var i = 0; i < blocks; i++)
        {
            var (part, gradients) = (Part(trace, i), g.ColumnRange(i * width, width));
            Of(i, blocks, []).Backward(gradients, part.XHat, part.InverseSigma, add: false, gradients);
        }
    }

    private Norm Of(int block, int blocks, ReadOnlySpan<int> heads) => Norm with { Scale = HeadColumns.Of(Norm.Scale, OwnWidth, block, blocks, heads) };

    private Tensor Block(Tensor x, int i) => x.ColumnRange(i * OwnWidth, OwnWidth);

    private NormTrace Part(NormTrace trace, int i) =>
        new(trace.XHat.IsNone ? default : Block(trace.XHat, i), trace.InverseSigma.IsNone ? default : trace.InverseSigma.ColumnRange(i, 1));
}
