namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <summary>Multiply-adds below which one thread does a product alone.</summary>
    const long SmallProduct = 50_000;

    readonly MatrixKernels matrices;
    HostBuffer packedRows = new(0);

    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0, Epilogue then = default)
    {
        var w = ((HostWeights)weights).Side(side);
        RequireRows(y.Rows, x.Rows);
        if (k0 < 0 || k0 > w.Depth - x.Columns || n0 < 0 || n0 > w.Columns - y.Columns)
            throw new ArgumentException($"Multiply: k {k0}+{x.Columns} and n {n0}+{y.Columns} of a matrix of {w.Depth} × {w.Columns}.");
        if (!then.Operand.IsNone)
        {
            RequireRows(then.Operand.Rows, y.Rows);
            RequireColumns(then.Operand.Columns, then.OperandColumns(y.Columns));
        }
        // What follows works on whole panels, and gate and up of a column belong to one unit of work, which panels must not straddle.
        var atHand = n0 % PackedMatrix.PanelColumns == 0 && !(then.IsGate && y.Columns / 2 % PackedMatrix.PanelColumns != 0);
        Multiply(w, x, y, bias, add, k0, n0, atHand ? then : default);
        if (!atHand) Follow(y, then);
        GC.KeepAlive(weights);
    }

    void Multiply(PackedSide w, RawTensor x, RawTensor y, RawTensor bias, bool add, int k0, int n0, in Epilogue then)
    {
        if (!bias.IsNone) RequireColumns(bias.Columns, y.Columns);
        var work = (long)x.Rows * x.Columns * y.Columns;
        MatrixFlops += 2 * work;

        var (tiling, packed) = (PackRows(x), packedRows.Address);

        var product = new MatrixKernels.Product(w, tiling, packed, x.Columns, k0, n0, y, bias.Pointer, add);
        // Units of a few panels: enough of them that the threads end together, few enough that a thread reads on in memory.
        var panels = then.IsGate ? product.Panels / 2 : product.Panels;
        var group = Math.Max(1, panels / 24);
        var groups = (panels + group - 1) / group;
        pool.For(tiling.Blocks * groups, work < SmallProduct ? int.MaxValue : 1, (device: this, product, then, panels, group, groups),
            static (in (HostDevice device, MatrixKernels.Product product, Epilogue then, int panels, int group, int groups) job, int from, int to, int thread) =>
            {
                var edge = job.device.scratch.Reserve(thread, job.device.matrices.ScratchFloats);
                for (var unit = from; unit < to; unit++)
                {
                    var (block, number) = Math.DivRem(unit, job.groups);
                    var tiling = job.product.Tiling;
                    int tile = block * tiling.BlockTiles, tileEnd = Math.Min(tiling.Tiles, tile + tiling.BlockTiles);
                    int panel = number * job.group, panelEnd = Math.Min(job.panels, panel + job.group);
                    var after = panel + job.device.pool.Threads * job.group;
                    job.device.matrices.Multiply(job.product, tile, tileEnd, panel, panelEnd, edge, job.then.IsGate ? job.panels + panel : after);
                    if (job.then.IsGate) job.device.matrices.Multiply(job.product, tile, tileEnd, job.panels + panel, job.panels + panelEnd, edge, after);
                    int first = panel * PackedMatrix.PanelColumns, end = Math.Min(panelEnd * PackedMatrix.PanelColumns, job.product.Y.Columns);
                    job.device.Apply(job.then, job.product.Y, first, end - first, tiling.Start(tile), tiling.Start(tileEnd));
                }
            });
    }

    /// <summary>Packs rows into the memory for them.</summary>
    MatrixKernels.Tiling PackRows(RawTensor x)
    {
        var work = (long)x.Rows * x.Columns;
        if (packedRows.Bytes < sizeof(float) * work)
        {
            packedRows.Dispose();
            packedRows = new HostBuffer(0); // should there be too little memory
            packedRows = new HostBuffer(sizeof(float) * (work + work / 4));
        }
        var tiling = matrices.Split(x.Rows);
        pool.For(tiling.Tiles, work < ElementsOfChunk ? tiling.Tiles : Math.Max(1, ElementsOfChunk / (matrices.TileRows * x.Columns)), (x, tiling, packed: packedRows.Address),
            static (in (RawTensor x, MatrixKernels.Tiling tiling, nint packed) job, int from, int to, int _) =>
                MatrixKernels.PackRows(job.x, job.tiling, (float*)job.packed, from, to));
        return tiling;
    }

    /// <summary>The epilogue on columns [first, first + count) (of both halves, where there are two) of rows [from, to).</summary>
    void Apply(in Epilogue then, RawTensor y, int first, int count, int from, int to)
    {
        var part = y.ColumnRange(first, count);
        RawTensor Part(RawTensor x) => x.IsNone ? x : x.ColumnRange(first, count);
        RawTensor operand = then.Operand;
        if (then.Kind == EpilogueKind.None) return;
        if (then.IsGate) kernels.Gate(then.Activation, part, y.ColumnRange(y.Columns / 2 + first, count), Part(operand), from, to);
        else if (then.IsGateBackward)
        {
            RawTensor gate = Part(operand), up = operand.ColumnRange(y.Columns + first, count);
            kernels.GateBackward(then.Activation, gate, up, part, gate, up, from, to);
        }
        else if (then.Kind == EpilogueKind.Activate) kernels.Activate(then.Activation, part, part, Part(operand), from, to);
        else kernels.MultiplyElements(part, Part(operand), part, from, to);
    }
}
