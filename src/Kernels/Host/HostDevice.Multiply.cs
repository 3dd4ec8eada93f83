namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <summary>W and Wᵀ, each row-major.</summary>
    sealed class HostWeights : Weights
    {
        readonly HostBuffer forward, transposed;

        public HostWeights(MatrixSource source) : base(source.Inputs, source.Outputs)
        {
            var stored = new HostBuffer(4L * Inputs * Outputs);
            var flipped = new HostBuffer(4L * Inputs * Outputs);
            int rows = source.StoredTransposed ? Outputs : Inputs, columns = source.StoredTransposed ? Inputs : Outputs;
            for (var r = 0; r < rows; r++)
            {
                var row = stored.Floats + (long)r * columns;
                source.ReadStoredRows(r, 1, new Span<float>(row, columns));
                for (var c = 0; c < columns; c++) flipped.Floats[(long)c * rows + r] = row[c];
            }
            (forward, transposed) = source.StoredTransposed ? (flipped, stored) : (stored, flipped);
        }

        public Tensor Side(WeightSide side) =>
            side == WeightSide.Forward ? new(forward.Address, Inputs, Outputs) : new(transposed.Address, Outputs, Inputs);

        public override long Bytes => forward.Bytes + transposed.Bytes;

        public override void Dispose()
        {
            forward.Dispose();
            transposed.Dispose();
        }
    }

    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source) => new HostWeights(source);

    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0)
    {
        RequireRows(y.Rows, x.Rows);
        MatrixFlops += 2L * x.Rows * x.Columns * y.Columns;
        var w = ((HostWeights)weights).Side(side).RowRange(k0, x.Columns).ColumnRange(n0, y.Columns);
        Rows(x.Rows, (long)x.Columns * y.Columns, (w, x, y, bias, add), static (k, in o, from, to) =>
        {
            for (var r = from; r < to; r++)
            {
                var row = o.y.RowRange(r, 1);
                if (!o.add) k.Fill(row, 0, 0, 1);
                if (!o.bias.IsNone) k.AddScaled(o.bias, 1, row, 0, 1);
                for (var i = 0; i < o.x.Columns; i++) k.AddScaled(o.w.RowRange(i, 1), o.x.Row(r)[i], row, 0, 1);
            }
        });
    }
}
