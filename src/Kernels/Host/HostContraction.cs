namespace Faith.Kernels.Host;

/// <summary>
/// <see cref="Device.ContractScores"/> on the host. Rows are taken in chunks. Of a chunk first every Δz is written out, centred for
/// LayerNorm, in slices of columns: [slice][source][row][columns of the slice]. Then, layer by layer and slice by slice, every G is
/// formed in a thread's own cache, [column][row][columns of the slice], and multiplied with the Δz of the slice by dot products
/// of contiguous vectors: G never reaches memory. A slice is at most two panels of the packed weights, so that these are read from front to
/// back. An example's rows are always cut into the same tiles, counted from its first row, and scores are added in the order
/// tile, slice; so they do not depend on the rest of the batch or on the threads. Where only an example's last row counts (logits, and
/// of a last layer reduced to it the outputs, queries and MLP input) only that row is formed and multiplied.
/// </summary>
internal sealed unsafe class HostContraction(WorkerPool pool, MatrixKernels matrices, RowKernels kernels, Scratch scratch) : IDisposable
{
    const long DifferenceBytes = 48L << 20; // of one chunk's Δz
    const int GradientBytes = 960 << 10;    // of one slice's G: it shall stay in the second-level cache
    const int TileRows = Ragged.TileRows, MostTiles = 16, MostRows = 96;

    /// <param name="Last">The number of the example's last row among those of the chunk; -1 when another tile has it.</param>
    readonly record struct Tile(int Example, int FirstRow, int Rows, int Last);

    readonly Tile[] tiles = new Tile[MostTiles];
    readonly int[] lastRows = new int[MostTiles]; // the examples' last rows in the chunk
    HostBuffer memory = new(0);
    ScoreContraction c = null!;
    int heads, dh, d, sources, columns;           // of the model
    int headColumns, leftOut, queries;            // of a layer's heads, with and (before them) without a gradient; and how many of the former are queries
    int slice, slices, rowLimit;                  // columns of a slice, number of slices, most rows of a chunk
    int chunkStart, chunkRows, tileCount, lastCount; // of the chunk
    int firstLayer, layerCount;                   // that are worked on at a time; layer number c.Layers stands for logits
    nint pitch;                                   // floats from one source or column to the next: one cache line more than its rows need, so that they do not share the same few lines of the cache
    float* differences, packedAlpha, partial;     // partial: [layer and slice][tile][source][Width]

    /// <summary>Adds the scores of all examples; returns the floating-point operations of the products.</summary>
    public long Run(ScoreContraction contraction)
    {
        c = contraction;
        (heads, dh, d) = (c.Heads, c.HeadDim, c.InputDifference.Columns);
        sources = c.SourcesBefore(c.Layers);
        (headColumns, leftOut, queries) = (c.HeadColumns, 3 * heads - c.HeadColumns, c.ValuesAlone ? 0 : heads);
        columns = c.Columns;
        ChooseSizes();
        long flops = 0;
        for (var tile = 0; tile < c.Layout.TileOffsets.Length - 1; tile += tileCount)
        {
            TakeChunk(tile);
            pool.For(sources, 1, this, static (in HostContraction self, int from, int to, int thread) =>
            {
                for (var u = from; u < to; u++) self.WriteDifference(u, thread);
            });
            for (firstLayer = 0; firstLayer <= c.Layers; firstLayer += layerCount)
            {
                layerCount = Math.Min(LayersAtATime, c.Layers + 1 - firstLayer);
                pool.For(Math.Min(layerCount, c.Layers - firstLayer) * headColumns, 3, this, static (in HostContraction self, int from, int to, int thread) =>
                {
                    for (var i = from; i < to; i++) self.PackAlpha(i / self.headColumns, i % self.headColumns, thread);
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

    /// <summary>Columns of a layer that are worked on.</summary>
    int Width => headColumns + 1;

    /// <summary>Columns of a layer.</summary>
    int LayerColumns => 3 * heads + 1;

    /// <summary>Enough slices at a time for all threads.</summary>
    int LayersAtATime => (2 * pool.Threads + slices - 1) / slices;

    int SourcesOfHeads(int layer) => layer == c.Layers ? 0 : c.SourcesBefore(layer);
    int SourcesOfMlp(int layer) => layer == c.Layers ? sources : SourcesOfHeads(layer) + (c.Parallel ? 0 : heads);

    /// <summary>True where only an example's last row has a gradient of queries and of the MLP's input, or of logits.</summary>
    bool OnLastRows(int layer) => c.IsReduced(layer);

    long Flops(int layer)
    {
        var rows = OnLastRows(layer) ? lastCount : chunkRows;
        var rowsOfColumns = (long)queries * rows + (long)(headColumns - queries) * chunkRows;
        var ofHeads = layer == c.Layers ? 0 : dh * ((long)heads * rows + rowsOfColumns) + SourcesOfHeads(layer) * rowsOfColumns;
        return 2L * d * (ofHeads + (long)rows * SourcesOfMlp(layer));
    }

    void ChooseSizes()
    {
        slice = Math.Min(2 * PackedMatrix.PanelColumns, (d + 15) & ~15);
        if (Width * sizeof(float) * slice * 3L * TileRows > GradientBytes) slice = Math.Min(slice, PackedMatrix.PanelColumns);
        slices = (d + slice - 1) / slice;
        var rows = Math.Min(GradientBytes / (Width * slice * sizeof(float)), DifferenceBytes / (sizeof(float) * (long)sources * slices * slice));
        rowLimit = (int)Math.Clamp(rows / TileRows * TileRows, TileRows, MostRows);
        pitch = rowLimit * slice + 16;
        long differenceFloats = slices * sources * (long)pitch, alphaFloats = (long)LayersAtATime * headColumns * rowLimit * dh;
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

    /// <summary>The tiles from one on that fit a chunk.</summary>
    void TakeChunk(int tile)
    {
        var (offsets, ofSequences) = (c.Layout.TileOffsets, c.Layout.SequenceTiles);
        var example = c.Layout.SequenceOf(tile);
        (chunkStart, chunkRows, tileCount, lastCount) = (offsets[tile], 0, 0, 0);
        for (; tile < offsets.Length - 1 && tileCount < MostTiles; tile++)
        {
            var rows = offsets[tile + 1] - offsets[tile];
            if (chunkRows + rows > rowLimit) break;
            chunkRows += rows;
            var isLast = tile + 1 == ofSequences[example + 1];
            if (isLast) lastRows[lastCount] = chunkRows - 1;
            tiles[tileCount++] = new(example, offsets[tile], rows, isLast ? lastCount++ : -1);
            if (isLast) example++;
        }
    }

    float* Difference(int sliceNumber, int source) => differences + ((long)sliceNumber * sources + source) * pitch;
    float* Alpha(int layer, int column) => packedAlpha + ((long)layer * headColumns + column) * rowLimit * dh;
    float* Partial(int unit, int tile) => partial + ((long)unit * MostTiles + tile) * sources * Width;

    /// <summary>Δz of one source, P applied. The outputs of a last layer reduced to last rows have no others.</summary>
    void WriteDifference(int u, int thread)
    {
        var (layer, h) = Math.DivRem(u - 1, heads + 1);
        var onLastRows = u > 0 && OnLastRows(layer);
        var count = onLastRows ? lastCount : chunkRows;
        if (count == 0) return;
        var memory = scratch.Reserve(thread, matrices.ScratchFloats + (long)count * (2 * dh + d) + (long)lastCount * (d + 1));
        float* packed = memory + matrices.ScratchFloats, rows = packed + (long)count * dh, gathered = rows + (long)count * d;
        var z = new RawTensor((nint)rows, count, d);
        if (u > 0 && h < heads)
        {
            var context = Part(c.ContextDifference[layer].ColumnRange(h * dh, dh), onLastRows, gathered);
            var tiling = matrices.Split(count);
            MatrixKernels.PackRows(context, tiling, packed, 0, tiling.Tiles);
            var product = new MatrixKernels.Product(((HostWeights)c.Output[layer]).Side(WeightSide.Forward), tiling, (nint)packed, dh, h * dh, 0, z, 0, false);
            matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, memory);
            if (c.OutputNorm(layer) is { IsNone: false } norm) Differentiate(norm, z, onLastRows, gathered);
        }
        else CopyRows(Part(u == 0 ? c.InputDifference : c.MlpDifference[layer], onLastRows, gathered: z.Row(0)), z);
        if (c.Centred) kernels.Centre(z);
        for (var i = 0; i < slices; i++)
        {
            var n = Math.Min(slice, d - i * slice);
            var target = new RawTensor((nint)Difference(i, u), chunkRows, n, slice);
            if (!onLastRows) CopyRows(z.ColumnRange(i * slice, n), target);
            else for (var r = 0; r < count; r++) CopyRows(z.RowRange(r, 1).ColumnRange(i * slice, n), target.RowRange(lastRows[r], 1));
            ClearFilling(target);
        }
    }

    /// <summary>Takes differences through the norm behind W_O. In <paramref name="gathered"/> there is room for what belongs to the examples' last rows.</summary>
    void Differentiate(in OutputNorm norm, RawTensor z, bool onLastRows, float* gathered)
    {
        RawTensor xhat = norm.XHat.IsNone ? default : Part(norm.XHat, onLastRows, gathered), inverse = Part(norm.InverseSigma, onLastRows, gathered + (long)lastCount * d);
        kernels.NormDifferential(z, norm.Scale, xhat, inverse, norm.Centred, z, 0, z.Rows);
    }

    /// <summary>The chunk's rows of a packed matrix, or its examples' last rows one after another in <paramref name="gathered"/>.</summary>
    RawTensor Part(RawTensor x, bool onLastRows, float* gathered)
    {
        if (!onLastRows) return x.RowRange(chunkStart, chunkRows);
        var y = new RawTensor((nint)gathered, lastCount, x.Columns);
        for (var r = 0; r < lastCount; r++) CopyRows(x.RowRange(chunkStart + lastRows[r], 1), y.RowRange(r, 1));
        return y;
    }

    static void CopyRows(RawTensor x, RawTensor y)
    {
        for (var r = 0; r < x.Rows; r++) new Span<float>(x.Row(r), x.Columns).CopyTo(new Span<float>(y.Row(r), x.Columns));
    }

    /// <summary>Zeros behind the last columns of the model, so that dot products need no tails.</summary>
    static void ClearFilling(RawTensor x)
    {
        for (var r = 0; x.Stride > x.Columns && r < x.Rows; r++) new Span<float>(x.Row(r) + x.Columns, x.Stride - x.Columns).Clear();
    }

    void PackAlpha(int layer, int column, int thread)
    {
        var onLastRows = column < queries && OnLastRows(firstLayer + layer);
        var alpha = Part(c.Alpha[firstLayer + layer].ColumnRange((leftOut + column) * dh, dh), onLastRows, scratch.Reserve(thread, (long)lastCount * dh));
        if (alpha.Rows == 0) return;
        var tiling = matrices.Split(alpha.Rows);
        MatrixKernels.PackRows(alpha, tiling, Alpha(layer, column), 0, tiling.Tiles);
    }

    /// <summary>One slice of one layer: its part of all scores of the chunk.</summary>
    void MultiplySlice(int unit, int thread)
    {
        var (offset, number) = Math.DivRem(unit, slices);
        var layer = firstLayer + offset;
        int start = number * slice, n = Math.Min(slice, d - start);
        var edge = scratch.Reserve(thread, matrices.ScratchFloats + Width * (long)pitch);
        var g = edge + matrices.ScratchFloats;
        var last = g + headColumns * pitch;
        var onLastRows = OnLastRows(layer);
        if (layer < c.Layers)
        {
            WriteHeadGradients(layer, offset, start, n, g, edge, 0, queries, onLastRows);
            WriteHeadGradients(layer, offset, start, n, g, edge, queries, headColumns - queries, onLastRows: false);
        }
        WriteLastGradient(layer == c.Layers ? c.LogitsGradient : c.MlpGradient[layer], onLastRows, start, n, last);
        var z = Difference(number, 0);
        for (var t = 0; t < tileCount; t++)
        {
            var tile = tiles[t];
            var result = Partial(unit, t);
            long first = (long)(tile.FirstRow - chunkStart) * slice;
            var depth = tile.Rows * slice;
            if (!onLastRows) Contract(layer, z + first, g + first, 0, headColumns, last + first, depth, result);
            else
            {
                Contract(layer, z + first, g + first, queries, headColumns - queries, null, depth, result);
                if (tile.Last >= 0) Contract(layer, z + (long)lastRows[tile.Last] * slice, g + tile.Last * slice, 0, queries, last + tile.Last * slice, slice, result);
                else ClearColumns(layer, result);
            }
        }
    }

    /// <summary>
    /// Dot products of Δz with G of some columns of the heads and, unless null, with the gradient of the MLP's input or logits: a few sources at a
    /// time, which stay in the first-level cache.
    /// </summary>
    void Contract(int layer, float* z, float* g, int firstColumn, int count, float* last, int depth, float* result)
    {
        const int SourcesAtATime = 4;
        int ofHeads = SourcesOfHeads(layer), all = last == null ? ofHeads : SourcesOfMlp(layer);
        for (var u = 0; u < all; u += SourcesAtATime)
        {
            var part = result + (long)u * Width;
            if (u < ofHeads && count > 0) kernels.MultiplyVectors(new(z + u * pitch, pitch, Math.Min(SourcesAtATime, ofHeads - u)), new(g + firstColumn * pitch, pitch, count), depth, part + firstColumn, Width);
            if (last != null) kernels.MultiplyVector(new(z + u * pitch, pitch, Math.Min(SourcesAtATime, all - u)), last, depth, part + headColumns, Width);
        }
    }

    /// <summary>Zeros for the columns of which a tile without an example's last row has none.</summary>
    void ClearColumns(int layer, float* result)
    {
        for (var u = 0; u < SourcesOfHeads(layer); u++) new Span<float>(result + (long)u * Width, queries).Clear();
        for (var u = 0; u < SourcesOfMlp(layer); u++) result[(long)u * Width + headColumns] = 0;
    }

    /// <summary>Columns [start, start + n) of G for some of q, k and v of all heads, in all rows or the examples' last ones, which then stand one after another.</summary>
    void WriteHeadGradients(int layer, int offset, int start, int n, float* g, float* edge, int firstColumn, int count, bool onLastRows)
    {
        var rows = onLastRows ? lastCount : chunkRows;
        if (rows == 0 || count == 0) return;
        var tiling = matrices.Split(rows);
        var weights = ((HostWeights)c.QueryKeyValue[layer]).Side(WeightSide.Transposed);
        for (var v = firstColumn; v < firstColumn + count; v++)
        {
            var (kind, h) = Math.DivRem(leftOut + v, heads);
            var head = kind == 0 ? h : heads + (kind - 1) * (heads / c.Group) + h / c.Group; // of the fused projection
            var y = new RawTensor((nint)(g + v * pitch), rows, n, slice);
            var product = new MatrixKernels.Product(weights, tiling, (nint)Alpha(offset, v), dh, head * dh, start, y, 0, false);
            matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, edge);
            ClearFilling(y);
        }
        var scale = c.NormScale[layer].ColumnRange(start, n);
        var steps = c.Steps == 0 ? default : c.NormalizedInputs[layer].ColumnRange(start, n);
        var products = c.Steps == 0 ? default : c.StepProducts[layer].ColumnRange(leftOut + firstColumn, count);
        g += firstColumn * pitch;
        if (!onLastRows) kernels.FinishGradients(new(g, pitch, count), slice, scale, steps, products, chunkStart, rows, c.Layout.Rows, c.Steps);
        else for (var r = 0; r < rows; r++) kernels.FinishGradients(new(g + r * slice, pitch, count), slice, scale, steps, products, chunkStart + lastRows[r], 1, c.Layout.Rows, c.Steps);
    }

    /// <summary>Columns [start, start + n) of the gradient of the MLP's input or of logits, in all rows or the examples' last ones, which then stand one after another.</summary>
    void WriteLastGradient(RawTensor gradient, bool onLastRows, int start, int n, float* g)
    {
        var part = gradient.ColumnRange(start, n);
        var y = new RawTensor((nint)g, onLastRows ? lastCount : chunkRows, n, slice);
        if (!onLastRows) CopyRows(part.RowRange(chunkStart, chunkRows), y);
        else
            for (var t = 0; t < tileCount; t++)
                if (tiles[t].Last >= 0) CopyRows(part.RowRange(tiles[t].Example, 1), y.RowRange(tiles[t].Last, 1));
        ClearFilling(y);
    }

    /// <summary>Adds the parts of sources [from, to) to the scores.</summary>
    void AddScores(int from, int to)
    {
        for (var offset = 0; offset < layerCount; offset++)
        {
            var layer = firstLayer + offset;
            // Logits have one column, which stands behind those of the layers.
            var shift = layer == c.Layers ? -headColumns : leftOut;
            for (var t = 0; t < tileCount; t++)
            {
                var scores = ((RawTensor)c.Scores).Row(tiles[t].Example) + layer * LayerColumns + shift;
                for (var u = from; u < Math.Min(to, SourcesOfMlp(layer)); u++)
                    for (var i = 0; i < slices; i++)
                    {
                        var first = u < SourcesOfHeads(layer) ? 0 : headColumns;
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
