namespace Faith.Kernels.Cuda;

// The launcher of AttentionForward.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers)
    {
        var parameters = Attention(layout, shape, q, k, v, prefixK, prefixV, context, normalizers);
        LaunchAttention("attention_forward", layout, shape, LongestQueries(layout), parameters);
    }
}
