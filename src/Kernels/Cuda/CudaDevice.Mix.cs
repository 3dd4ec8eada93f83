using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of Mix.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct MixParameters(RawTensor Baseline, RawTensor Sources, RawTensor Inputs, RawIndices SourceOffsets, RawIndices SourceList);

    /// <inheritdoc/>
    public override void Mix(in NormedMix mix, Tensor y)
    {
        RequireShape(y, checked(mix.Inputs * mix.Baseline.Rows), mix.Baseline.Columns);
        LaunchElements("mix_inputs", new MixParameters(mix.Baseline, mix.Sources, y, mix.SourceOffsets, mix.SourceList), mix.Baseline.Rows,
            mix.Baseline.Columns, mix.Inputs);
        if (!mix.Scale.IsNone)
            NormForward(y, mix.Scale, mix.Shift, mix.Epsilon, mix.Centred, y, default, default);
    }
}
