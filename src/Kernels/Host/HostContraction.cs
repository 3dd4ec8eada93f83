namespace Faith.Kernels.Host;

/// <summary>
/// <see cref="Device.ContractScores"/> on the host. Rows are taken in chunks small enough for the last cache and large
/// enough that a product with a weight matrix pays for reading it. Of a chunk first every Δz is written out, [row][source][d], centred for
/// LayerNorm; then layer by layer every G, [row][column][d]; and then dot products of contiguous vectors give the scores. An
/// example's rows are always cut into the same tiles, counted from its first row, and the tiles' scores are added in order,
/// so they do not depend on the rest of the batch or on the threads.
/// </summary>
internal sealed unsafe class HostContraction(WorkerPool pool, MatrixKernels matrices, RowKernels kernels, Scratch scratch) : IDisposable
{
    const long DifferenceBytes = 32L << 20; // of one chunk's Δz
    const int GradientBytes = 256 << 10;    // of one tile's G: it is read once for every four sources, from the second-level cache

    readonly record struct Tile(int Example, int FirstRow, int Rows);

    HostBuffer memory = new(0);
    Tile[] tiles = [];
    ScoreContraction c = null!;
    int d, pitch, heads, dh, sources, columns, layer, chunkStart, chunkRows, tileStart, tileEnd;
    int differenceRow, gradientRow; // floats from one row to the next
    float* differences; // [chunk rows][sources][pitch]
    float* gradients;   // [chunk rows][3·heads][pitch]
    float* partial;     // [tiles of the chunk][sources][3·heads + 1]

    /// <summary>Adds the scores of all examples; returns the floating-point operations of the products.</summary>
    public long Run(ScoreContraction contraction)
    {
        c = contraction;
        (heads, dh, d) = (c.Heads, c.HeadDim, c.InputDifference.Columns);
        pitch = (d + 15) & ~15; // whole registers: the filling is zero, so that the dot products need no tails
        sources = 1 + c.Layers * (heads + 1);
        columns = c.Layers * (3 * heads + 1) + 1;
        // One cache line more than needed: rows a multiple of the page size apart would share the same few lines of the cache.
        (differenceRow, gradientRow) = (sources * pitch + 16, 3 * heads * pitch + 16);
        var tileRows = Math.Clamp(GradientBytes / (3 * heads * pitch * sizeof(float)), 1, 8);
        var limit = (int)Math.Clamp(DifferenceBytes / (sizeof(float) * (long)sources * pitch), 16, 96);
        limit = Math.Max(tileRows, limit / tileRows * tileRows);
        var tileCount = CutIntoTiles(tileRows);
        Reserve(Math.Min(limit, c.Layout.Rows), tileCount);
        long flops = 0;
        for (tileStart = 0; tileStart < tileCount; tileStart = tileEnd)
        {
            chunkStart = tiles[tileStart].FirstRow;
            for (chunkRows = 0, tileEnd = tileStart; tileEnd < tileCount && chunkRows + tiles[tileEnd].Rows <= limit; tileEnd++) chunkRows += tiles[tileEnd].Rows;
            pool.For(sources, 1, this, static (in HostContraction self, int from, int to, int thread) =>
            {
                for (var u = from; u < to; u++) self.WriteDifference(u, thread);
            });
            for (layer = 0; layer < c.Layers; layer++)
            {
                pool.For(3 * heads, 1, this, static (in HostContraction self, int from, int to, int thread) =>
                {
                    for (var v = from; v < to; v++) self.WriteGradient(v, thread);
                });
                pool.For(tileEnd - tileStart, 1, this, static (in HostContraction self, int from, int to, int _) =>
                {
                    for (var t = from; t < to; t++) self.MultiplyTile(t);
                });
                pool.For(SourcesOfMlp, 16, this, static (in HostContraction self, int from, int to, int _) => self.AddTiles(from, to));
                flops += Flops();
            }
            pool.For(tileEnd - tileStart, 1, this, static (in HostContraction self, int from, int to, int _) =>
            {
                for (var t = from; t < to; t++) self.AddLogits(t);
            });
        }
        flops += 2L * c.Layout.Sequences * d * sources;
        c = null!;
        return flops;
    }

    int SourcesOfHeads => 1 + layer * (heads + 1);
    int SourcesOfMlp => SourcesOfHeads + (c.Parallel ? 0 : heads);

    long Flops() => 2L * chunkRows * d * (4L * heads * dh + 3L * heads * SourcesOfHeads + SourcesOfMlp);

    int CutIntoTiles(int tileRows)
    {
        var offsets = c.Layout.Offsets;
        var count = 0;
        for (var s = 0; s < c.Layout.Sequences; s++) count += (offsets[s + 1] - offsets[s] + tileRows - 1) / tileRows;
        if (tiles.Length < count) tiles = new Tile[count];
        count = 0;
        for (var s = 0; s < c.Layout.Sequences; s++)
            for (var row = offsets[s]; row < offsets[s + 1]; row += tileRows) tiles[count++] = new(s, row, Math.Min(tileRows, offsets[s + 1] - row));
        return count;
    }

    void Reserve(int rows, int tileCount)
    {
        long differenceFloats = (long)rows * differenceRow, gradientFloats = (long)rows * gradientRow;
        var bytes = sizeof(float) * (differenceFloats + gradientFloats + (long)Math.Min(rows, tileCount) * sources * (3 * heads + 1));
        if (memory.Bytes < bytes)
        {
            memory.Dispose();
            memory = new HostBuffer(bytes);
        }
        differences = memory.Floats;
        gradients = differences + differenceFloats;
        partial = gradients + gradientFloats;
    }

    Tensor Difference(int source) => new((nint)(differences + (long)source * pitch), chunkRows, d, differenceRow);
    Tensor Gradient(int column) => new((nint)(gradients + (long)column * pitch), chunkRows, d, gradientRow);

    /// <summary>Δz of one source, P applied.</summary>
    void WriteDifference(int u, int thread)
    {
        var z = Difference(u);
        var (l, h) = Math.DivRem(u - 1, heads + 1);
        if (u > 0 && h < heads) MultiplyHead(c.ContextDifference[l], h * dh, c.Output[l], WeightSide.Forward, h * dh, z, thread);
        else
        {
            var x = (u == 0 ? c.InputDifference : c.MlpDifference[l]).RowRange(chunkStart, chunkRows);
            for (var r = 0; r < chunkRows; r++) new Span<float>(x.Row(r), d).CopyTo(new Span<float>(z.Row(r), d));
        }
        if (c.Centred) kernels.Centre(z);
        ClearFilling(z);
    }

    /// <summary>W_v·α_v of one column; the rest of G follows tile by tile.</summary>
    void WriteGradient(int v, int thread)
    {
        var (kind, h) = Math.DivRem(v, heads);
        var first = kind == 0 ? h : heads + (kind - 1) * (heads / c.Group) + h / c.Group; // head of the fused projection
        var g = Gradient(v);
        MultiplyHead(c.Alpha[layer], v * dh, c.QueryKeyValue[layer], WeightSide.Transposed, first * dh, g, thread);
        ClearFilling(g);
    }

    /// <summary>y = columns [column, column + headDim) of x's chunk · rows [k0, k0 + headDim) of the weights.</summary>
    void MultiplyHead(Tensor x, int column, Weights weights, WeightSide side, int k0, Tensor y, int thread)
    {
        var head = x.RowRange(chunkStart, chunkRows).ColumnRange(column, dh);
        var edge = scratch.Reserve(thread, matrices.EdgeFloats + (long)chunkRows * dh);
        var packed = edge + matrices.EdgeFloats;
        var tiling = matrices.Split(chunkRows);
        MatrixKernels.PackRows(head, tiling, packed, 0, tiling.Tiles);
        var product = new MatrixKernels.Product(((HostWeights)weights).Side(side), tiling, (nint)packed, dh, k0, 0, y, 0, false);
        matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, edge);
    }

    void ClearFilling(Tensor x)
    {
        for (var r = 0; pitch > d && r < x.Rows; r++) new Span<float>(x.Row(r) + d, pitch - d).Clear();
    }

    float* Partial(int tile) => partial + (long)tile * sources * (3 * heads + 1);

    /// <summary>G of one tile of rows, and its products with the Δz of all sources that feed the layer.</summary>
    void MultiplyTile(int t)
    {
        var tile = tiles[tileStart + t];
        var row = tile.FirstRow - chunkStart;
        float* z = differences + (long)row * differenceRow, g = gradients + (long)row * gradientRow;
        for (var r = 0; r < tile.Rows; r++)
            kernels.FinishGradient(g + (long)r * gradientRow, pitch, 3 * heads, (float*)c.NormScale[layer].Pointer, d,
                c.NormalizedInputs[layer], c.StepProducts[layer], tile.FirstRow + r, c.Layout.Rows, c.Steps);
        var result = Partial(t);
        kernels.MultiplyVectors(new(z, pitch, differenceRow, SourcesOfHeads), new(g, pitch, gradientRow, 3 * heads), tile.Rows, pitch, result, 3 * heads + 1);
        var mlp = c.MlpGradient[layer];
        if (mlp.Rows == c.Layout.Rows)
            kernels.MultiplyVector(new(z, pitch, differenceRow, SourcesOfMlp), mlp.Row(tile.FirstRow), mlp.Stride, tile.Rows, d, result + 3 * heads, 3 * heads + 1);
        else if (HoldsLastRow(tile))
            kernels.MultiplyVector(LastDifferences(tile, SourcesOfMlp), mlp.Row(tile.Example), 0, 1, d, result + 3 * heads, 3 * heads + 1);
        else
            for (var u = 0; u < SourcesOfMlp; u++) result[(long)u * (3 * heads + 1) + 3 * heads] = 0;
    }

    bool HoldsLastRow(Tile tile) => tile.FirstRow + tile.Rows == c.Layout.Offsets[tile.Example + 1];

    VectorSet LastDifferences(Tile tile, int count) => new(differences + (long)(tile.FirstRow + tile.Rows - 1 - chunkStart) * differenceRow, pitch, differenceRow, count);

    /// <summary>Adds the tiles' scores of sources [from, to), tile after tile.</summary>
    void AddTiles(int from, int to)
    {
        for (var t = 0; t < tileEnd - tileStart; t++)
        {
            var scores = c.Scores.Row(tiles[tileStart + t].Example) + layer * (3 * heads + 1);
            for (var u = from; u < to; u++)
            {
                float* sum = scores + (long)u * columns, add = Partial(t) + (long)u * (3 * heads + 1);
                for (var v = u < SourcesOfHeads ? 0 : 3 * heads; v <= 3 * heads; v++) sum[v] += add[v];
            }
        }
    }

    void AddLogits(int t)
    {
        var tile = tiles[tileStart + t];
        if (!HoldsLastRow(tile)) return;
        kernels.MultiplyVector(LastDifferences(tile, sources), c.LogitsGradient.Row(tile.Example), 0, 1, d, Partial(t), 1);
        var scores = c.Scores.Row(tile.Example) + columns - 1;
        for (var u = 0; u < sources; u++) scores[(long)u * columns] += Partial(t)[u];
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}

/// <summary>Vectors that lie evenly in memory, over several rows: vector i of row r starts at First + i·Vector + r·Row.</summary>
internal readonly unsafe struct VectorSet(float* first, nint vector, nint row, int count)
{
    public readonly float* First = first;
    public readonly nint Vector = vector;
    public readonly nint Row = row;
    public readonly int Count = count;

    /// <summary>Vector i of the first row; past the end the last one, so that a tile of registers is always full.</summary>
    public float* At(int i) => First + Math.Min(i, Count - 1) * Vector;
}
