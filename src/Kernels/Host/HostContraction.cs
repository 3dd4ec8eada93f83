namespace Faith.Kernels.Host;

/// <summary>
/// <see cref="Device.ContractScores"/> on the host. Rows are taken in chunks. Of a chunk first every Δz is written out, centred for
/// LayerNorm, in slices of columns: [slice][source][row][columns of the slice]. Then, layer by layer and slice by slice, every G is
/// formed in a thread's own cache, [column][row][columns of the slice], and multiplied with the Δz of the slice by dot products
/// of contiguous vectors: G never reaches memory. A slice is at most two panels of the packed weights, so that these are read from front to
/// back. An example's rows are always cut into the same tiles, counted from its first row, and scores are added in the order
/// tile, slice; so they do not depend on the rest of the batch or on the threads.
/// </summary>
internal sealed unsafe class HostContraction(WorkerPool pool, MatrixKernels matrices, RowKernels kernels, Scratch scratch) : IDisposable
{
    const long DifferenceBytes = 48L << 20; // of one chunk's Δz
    const int GradientBytes = 960 << 10;    // of one slice's G: it shall stay in the second-level cache
    const int TileRows = 16, MostTiles = 16, MostRows = 96;

    readonly record struct Tile(int Example, int FirstRow, int Rows);

    readonly Tile[] tiles = new Tile[MostTiles];
    HostBuffer memory = new(0);
    ScoreContraction c = null!;
    int heads, dh, d, sources, columns;           // of the model
    int slice, slices, rowLimit;                  // columns of a slice, number of slices, most rows of a chunk
    int chunkStart, chunkRows, tileCount;         // of the chunk
    int firstLayer, layerCount;                   // that are worked on at a time; layer number c.Layers stands for logits
    nint pitch;                                   // floats from one source or column to the next: one cache line more than its rows need, so that they do not share the same few lines of the cache
    float* differences, packedAlpha, partial;     // partial: [layer and slice][tile][source][3·heads + 1]

    /// <summary>Adds the scores of all examples; returns the floating-point operations of the products.</summary>
    public long Run(ScoreContraction contraction)
    {
        c = contraction;
        (heads, dh, d) = (c.Heads, c.HeadDim, c.InputDifference.Columns);
        sources = 1 + c.Layers * (heads + 1);
        columns = c.Layers * Width + 1;
        ChooseSizes();
        long flops = 0;
        for (var row = 0; row < c.Layout.Rows; row += chunkRows)
        {
            TakeChunk(row);
            pool.For(sources, 1, this, static (in HostContraction self, int from, int to, int thread) =>
            {
                for (var u = from; u < to; u++) self.WriteDifference(u, thread);
            });
            for (firstLayer = 0; firstLayer <= c.Layers; firstLayer += layerCount)
            {
                layerCount = Math.Min(LayersAtATime, c.Layers + 1 - firstLayer);
                pool.For(Math.Min(layerCount, c.Layers - firstLayer) * 3 * heads, 3, this, static (in HostContraction self, int from, int to, int _) =>
                {
                    for (var i = from; i < to; i++) self.PackAlpha(i / (3 * self.heads), i % (3 * self.heads));
                });
                pool.For(layerCount * slices, 1, this, static (in HostContraction self, int from, int to, int thread) =>
                {
                    for (var unit = from; unit < to; unit++) self.MultiplySlice(unit, thread);
                });
                pool.For(sources, 16, this, static (in HostContraction self, int from, int to, int _) => self.AddScores(from, to));
                for (var layer = firstLayer; layer < firstLayer + layerCount; layer++) flops += Flops(layer);
            }
        }
        c = null!;
        return flops;
    }

    /// <summary>Columns of a layer.</summary>
    int Width => 3 * heads + 1;

    /// <summary>Enough slices at a time for all threads.</summary>
    int LayersAtATime => (2 * pool.Threads + slices - 1) / slices;

    int SourcesOfHeads(int layer) => layer == c.Layers ? 0 : 1 + layer * (heads + 1);
    int SourcesOfMlp(int layer) => layer == c.Layers ? sources : SourcesOfHeads(layer) + (c.Parallel ? 0 : heads);

    long Flops(int layer) => 2L * chunkRows * d * ((layer < c.Layers ? 4L * heads * dh : 0) + 3L * heads * SourcesOfHeads(layer) + SourcesOfMlp(layer));

    void ChooseSizes()
    {
        slice = Math.Min(2 * PackedMatrix.PanelColumns, (d + 15) & ~15);
        if (Width * sizeof(float) * slice * 3L * TileRows > GradientBytes) slice = Math.Min(slice, PackedMatrix.PanelColumns);
        slices = (d + slice - 1) / slice;
        var rows = Math.Min(GradientBytes / (Width * slice * sizeof(float)), DifferenceBytes / (sizeof(float) * (long)sources * slices * slice));
        rowLimit = (int)Math.Clamp(rows / TileRows * TileRows, TileRows, MostRows);
        pitch = rowLimit * slice + 16;
        long differenceFloats = slices * sources * (long)pitch, alphaFloats = (long)LayersAtATime * 3 * heads * rowLimit * dh;
        alphaFloats = (alphaFloats + 15) & ~15L;
        var bytes = sizeof(float) * (differenceFloats + alphaFloats + (long)LayersAtATime * slices * MostTiles * sources * Width);
        if (memory.Bytes < bytes)
        {
            memory.Dispose();
            memory = new HostBuffer(bytes);
        }
        differences = memory.Floats;
        packedAlpha = differences + differenceFloats;
        partial = packedAlpha + alphaFloats;
    }

    /// <summary>The next tiles that fit a chunk, from a row at which a tile starts.</summary>
    void TakeChunk(int row)
    {
        var offsets = c.Layout.Offsets;
        var example = Array.BinarySearch(offsets, row);
        if (example < 0) example = ~example - 1;
        (chunkStart, chunkRows, tileCount) = (row, 0, 0);
        while (row < c.Layout.Rows && tileCount < MostTiles)
        {
            var rows = Math.Min(TileRows, offsets[example + 1] - row);
            if (chunkRows + rows > rowLimit) break;
            tiles[tileCount++] = new(example, row, rows);
            chunkRows += rows;
            row += rows;
            if (row == offsets[example + 1]) example++;
        }
    }

    float* Difference(int sliceNumber, int source) => differences + ((long)sliceNumber * sources + source) * pitch;
    float* Alpha(int layer, int column) => packedAlpha + ((long)layer * 3 * heads + column) * rowLimit * dh;
    float* Partial(int unit, int tile) => partial + ((long)unit * MostTiles + tile) * sources * Width;

    /// <summary>Δz of one source, P applied.</summary>
    void WriteDifference(int u, int thread)
    {
        var memory = scratch.Reserve(thread, matrices.EdgeFloats + (long)chunkRows * (dh + d));
        float* packed = memory + matrices.EdgeFloats, rows = packed + (long)chunkRows * dh;
        var z = new Tensor((nint)rows, chunkRows, d);
        var (layer, h) = Math.DivRem(u - 1, heads + 1);
        if (u > 0 && h < heads)
        {
            var tiling = matrices.Split(chunkRows);
            MatrixKernels.PackRows(c.ContextDifference[layer].RowRange(chunkStart, chunkRows).ColumnRange(h * dh, dh), tiling, packed, 0, tiling.Tiles);
            var product = new MatrixKernels.Product(((HostWeights)c.Output[layer]).Side(WeightSide.Forward), tiling, (nint)packed, dh, h * dh, 0, z, 0, false);
            matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, memory);
        }
        else CopyRows((u == 0 ? c.InputDifference : c.MlpDifference[layer]).RowRange(chunkStart, chunkRows), z);
        if (c.Centred) kernels.Centre(z);
        for (var i = 0; i < slices; i++)
        {
            var n = Math.Min(slice, d - i * slice);
            var target = new Tensor((nint)Difference(i, u), chunkRows, n, slice);
            CopyRows(z.ColumnRange(i * slice, n), target);
            ClearFilling(target);
        }
    }

    static void CopyRows(Tensor x, Tensor y)
    {
        for (var r = 0; r < x.Rows; r++) new Span<float>(x.Row(r), x.Columns).CopyTo(new Span<float>(y.Row(r), x.Columns));
    }

    /// <summary>Zeros behind the last columns of the model, so that dot products need no tails.</summary>
    static void ClearFilling(Tensor x)
    {
        for (var r = 0; x.Stride > x.Columns && r < x.Rows; r++) new Span<float>(x.Row(r) + x.Columns, x.Stride - x.Columns).Clear();
    }

    void PackAlpha(int layer, int column)
    {
        var tiling = matrices.Split(chunkRows);
        var alpha = c.Alpha[firstLayer + layer].RowRange(chunkStart, chunkRows).ColumnRange(column * dh, dh);
        MatrixKernels.PackRows(alpha, tiling, Alpha(layer, column), 0, tiling.Tiles);
    }

    /// <summary>One slice of one layer: its part of all scores of the chunk.</summary>
    void MultiplySlice(int unit, int thread)
    {
        var (offset, number) = Math.DivRem(unit, slices);
        var layer = firstLayer + offset;
        int start = number * slice, n = Math.Min(slice, d - start);
        var edge = scratch.Reserve(thread, matrices.EdgeFloats + Width * (long)pitch);
        var g = edge + matrices.EdgeFloats;
        if (layer < c.Layers) WriteHeadGradients(layer, offset, start, n, g, edge);
        WriteLastGradient(layer == c.Layers ? c.LogitsGradient : c.MlpGradient[layer], start, n, g + 3 * heads * pitch);
        for (var t = 0; t < tileCount; t++)
        {
            long first = (long)(tiles[t].FirstRow - chunkStart) * slice;
            var depth = tiles[t].Rows * slice;
            float* z = Difference(number, 0) + first, result = Partial(unit, t);
            kernels.MultiplyVectors(new(z, pitch, SourcesOfHeads(layer)), new(g + first, pitch, 3 * heads), depth, result, Width);
            kernels.MultiplyVector(new(z, pitch, SourcesOfMlp(layer)), g + 3 * heads * pitch + first, depth, result + 3 * heads, Width);
        }
    }

    /// <summary>Columns [start, start + n) of G for q, k and v of all heads.</summary>
    void WriteHeadGradients(int layer, int offset, int start, int n, float* g, float* edge)
    {
        var tiling = matrices.Split(chunkRows);
        var weights = ((HostWeights)c.QueryKeyValue[layer]).Side(WeightSide.Transposed);
        for (var v = 0; v < 3 * heads; v++)
        {
            var (kind, h) = Math.DivRem(v, heads);
            var head = kind == 0 ? h : heads + (kind - 1) * (heads / c.Group) + h / c.Group; // of the fused projection
            var y = new Tensor((nint)(g + v * pitch), chunkRows, n, slice);
            var product = new MatrixKernels.Product(weights, tiling, (nint)Alpha(offset, v), dh, head * dh, start, y, 0, false);
            matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, edge);
            ClearFilling(y);
        }
        var steps = c.Steps == 0 ? default : c.NormalizedInputs[layer].ColumnRange(start, n);
        kernels.FinishGradients(new(g, pitch, 3 * heads), slice, c.NormScale[layer].ColumnRange(start, n), steps, c.StepProducts[layer], chunkStart, chunkRows, c.Layout.Rows, c.Steps);
    }

    /// <summary>Columns [start, start + n) of the gradient of the MLP's input or of logits; where only last rows have one, the others are zero.</summary>
    void WriteLastGradient(Tensor gradient, int start, int n, float* g)
    {
        var y = new Tensor((nint)g, chunkRows, n, slice);
        var part = gradient.ColumnRange(start, n);
        if (gradient.Rows == c.Layout.Rows) CopyRows(part.RowRange(chunkStart, chunkRows), y);
        else
            for (var t = 0; t < tileCount; t++)
            {
                int first = tiles[t].FirstRow - chunkStart, rows = tiles[t].Rows;
                new Span<float>(y.Row(first), rows * slice).Clear();
                if (tiles[t].FirstRow + rows == c.Layout.Offsets[tiles[t].Example + 1]) CopyRows(part.RowRange(tiles[t].Example, 1), y.RowRange(first + rows - 1, 1));
            }
        ClearFilling(y);
    }

    /// <summary>Adds the parts of sources [from, to) to the scores.</summary>
    void AddScores(int from, int to)
    {
        for (var offset = 0; offset < layerCount; offset++)
        {
            var layer = firstLayer + offset;
            // Logits have one column, which stands behind those of the layers.
            var shift = layer == c.Layers ? 3 * heads : 0;
            for (var t = 0; t < tileCount; t++)
            {
                var scores = c.Scores.Row(tiles[t].Example) + layer * Width - shift;
                for (var u = from; u < Math.Min(to, SourcesOfMlp(layer)); u++)
                    for (var i = 0; i < slices; i++)
                    {
                        var first = u < SourcesOfHeads(layer) ? 0 : 3 * heads;
                        kernels.Add(Partial(offset * slices + i, t) + (long)u * Width + first, scores + (long)u * columns + first, Width - first);
                    }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}

/// <summary>Vectors that lie evenly in memory.</summary>
internal readonly unsafe struct VectorSet(float* first, nint pitch, int count)
{
    public readonly float* First = first;
    public readonly nint Pitch = pitch;
    public readonly int Count = count;

    /// <summary>Vector i; past the end the last one, so that a tile of registers is always full.</summary>
    public float* At(int i) => First + Math.Min(i, Count - 1) * Pitch;
}
