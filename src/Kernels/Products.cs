namespace Faith.Kernels;

/// <summary>How matrices are multiplied.</summary>
public enum Products
{
    /// <summary>In float32, one chain of fused multiply-adds.</summary>
    Exact,
    /// <summary>By the tensor cores of an NVIDIA GPU, in parts of bfloat16: as accurate as float32, but other bits.</summary>
    Tensor,
}
