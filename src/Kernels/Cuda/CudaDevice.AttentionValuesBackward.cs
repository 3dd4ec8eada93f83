namespace Faith.Kernels.Cuda;

// The launcher of AttentionValuesBackward.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void AttentionValuesBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor prefixK, Tensor normalizers,
        Tensor dContext, Tensor dv)
    {
        var width = shape.Heads * shape.HeadDim;
        RequireShape(dv, layout.Rows, width);
        // Neither values nor contexts are read: what is as wide stands in for them.
        var parameters = Attention(layout, shape, q, k, k, prefixK, prefixK, dContext, normalizers);
        parameters.DContext = dContext;
        parameters.Dv = dv;
        LaunchAttention("attention_backward_values", layout, shape, LongestSuffix(layout), parameters);
    }
}
