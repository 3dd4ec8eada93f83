namespace Faith.Kernels.Cuda;

// The launcher of AttentionBackwardShort.cu.
public sealed partial class CudaDevice
{
    /// <summary>
    /// True where one kernel computes all gradients of attention: it holds those of a whole suffix's keys and values in registers.
    /// Otherwise two do, with the same bits.
    /// </summary>
    internal static bool IsShort(Ragged layout, AttentionShape shape) => LongestSuffix(layout) <= shape.HeadDim switch
    {
        <= 64 => 64,
        <= 128 => 32,
        _ => 0,
    };

    private void AttentionBackwardShort(Ragged layout, AttentionShape shape, in AttentionParameters parameters) =>
        Launch(shape.HeadDim > 64 ? "attention_backward_short_128" : "attention_backward_short_64", parameters, layout.Sequences, shape.Heads);
}
