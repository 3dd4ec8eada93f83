using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// What the launchers of the metric heads share.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct MetricParameters(RawTensor X, RawTensor Reference, RawTensor Weights, RawTensor Value, RawTensor Gradient,
        RawIndices Offsets, RawIndices Tokens, int JensenShannon);

    // There are few rows, one an example, so a row gets as many threads as a block can have.
    private static int VocabularyThreads(int columns) => Math.Clamp((columns / 8 + 31) / 32 * 32, 32, 1024);
}
