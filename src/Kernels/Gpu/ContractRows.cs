namespace Faith.Kernels.Gpu;

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void ContractRows(Ragged layout, Tensor x, Tensor g, int pitch, Tensor scores)
    {
        ArgumentNullException.ThrowIfNull(layout);
        RequireShape(g, g.Rows, x.Columns);
        RequireShape(scores, layout.Sequences, (x.Rows - 1) * pitch + g.Rows);
        var width = x.Columns / layout.QueryRows;
        MatrixFlops += 2L * x.Rows * g.Rows * x.Columns;
        // The products of each row by itself, and then their sums over the rows of a sequence; of as many sequences at a time as there is memory for.
        for (int first = 0, taken; first < layout.Sequences; first += taken)
        {
            taken = GpuScratch.SequencesOfRows(layout, x.Rows, g.Rows, first);
            int row = layout.QueryOffsets[first], rows = layout.QueryOffsets[first + taken] - row;
            var products = Workspace(GpuScratch.FloatsOfRows(layout, x.Rows, g.Rows, first, taken));
            MultiplyBatch<ThreeParts, Single32, float>(new(View(g).Data.SubView((long)row * width), g.Offset + (long)row * width, g.Stride, Transposed: true),
                x.ColumnRange(row * width, width), new(products.Buffer!, x.Rows, g.Rows), new(rows, width, width, (long)x.Rows * g.Rows), default, add: false);
            Launch(ContractionKernels.Reduces, new ReduceOperands
            {
                Products = Floats(products.Buffer!),
                Scores = View(scores),
                SequenceTiles = View(layout.OnDevice.QueryOffsets),
                FirstSequence = first,
                FirstTile = row,
                Tiles = rows,
                Sources = x.Rows,
                Columns = g.Rows,
                ProductSources = x.Rows,
                ProductColumns = g.Rows,
                Parts = 1,
                FirstColumn = 0,
                ScoreColumns = pitch,
            }, CeilDiv((long)x.Rows * g.Rows, ContractionKernels.EntriesOfBlock), taken);
        }
    }
}
