using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of Gather.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RowParameters(RawTensor X, RawTensor Y, RawIndices Rows, float Value);

    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false)
    {
        if (add && scale != 1)
            throw new NotSupportedException("the CUDA kernels add rows as they are");
        RequireShape(y, rows.Count, table.Columns);
        LaunchElements(add ? "add_gathered_rows" : "gather_rows", new RowParameters(table, y, rows, scale), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireShape(x, rows.Count, y.Columns);
        LaunchElements("scatter_add_rows", new RowParameters(x, y, rows, 1), x.Rows, x.Columns);
    }
}
