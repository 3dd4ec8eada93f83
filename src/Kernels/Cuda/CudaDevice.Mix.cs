using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of Mix.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct MixParameters(RawTensor Baseline, RawTensor Sources, RawTensor Inputs, RawIndices SourceOffsets, RawIndices SourceList);

    /// <inheritdoc/>
    public override void MixInputs(Tensor baseline, Tensor sources, Indices sourceOffsets, Indices sourceList, Tensor inputs)
    {
        var count = sourceOffsets.Count - 1;
        RequireShape(inputs, checked(count * baseline.Rows), baseline.Columns);
        LaunchElements("mix_inputs", new MixParameters(baseline, sources, inputs, sourceOffsets, sourceList), baseline.Rows,
            baseline.Columns, count);
    }
}
