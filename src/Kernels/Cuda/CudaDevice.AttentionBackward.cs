namespace Faith.Kernels.Cuda;

// The launcher of AttentionBackward.cu and AttentionValuesBackward.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK,
        Tensor prefixV, Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        var width = shape.Heads * shape.HeadDim;
        if (dq.IsNone)
        {
            // Neither values nor contexts are read: what is as wide stands in for them.
            RequireShape(dv, layout.Rows, width);
            var ofValues = Attention(layout, shape, q, k, k, prefixK, prefixK, dContext, normalizers) with { DContext = dContext, Dv = dv };
            LaunchAttention("attention_backward_values", layout, shape, LongestSuffix(layout), ofValues);
            return;
        }
        var parameters = Attention(layout, shape, q, k, v, prefixK, prefixV, context, normalizers);
        RequireShape(dContext, layout.QueryRows, width);
        RequireShape(dq, layout.QueryRows, width);
        RequireShape(dk, layout.Rows, width);
        RequireShape(dv, layout.Rows, width);
        parameters.DContext = dContext;
        parameters.Dq = dq;
        parameters.Dk = dk;
        parameters.Dv = dv;
        if (IsShort(layout, shape))
        {
            AttentionBackwardShort(layout, shape, parameters);
            return;
        }
        parameters.Dots = new(Workspace(CudaScratch.OfAttentionBackward(layout, shape)), layout.QueryRows, shape.Heads);
        LaunchAttention("attention_backward_queries", layout, shape, LongestQueries(layout), parameters);
        LaunchAttention("attention_backward_keys", layout, shape, LongestSuffix(layout), parameters);
    }
}
