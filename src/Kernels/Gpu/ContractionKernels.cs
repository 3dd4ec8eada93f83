using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>Columns of a block of <see cref="ContractionKernels.Tiles"/>: 32, or 40 where a thread has one more.</summary>
internal interface IWidth
{
    static abstract bool HasFifth { get; }
}

internal readonly struct Width32 : IWidth
{
    public static bool HasFifth => false;
}

internal readonly struct Width40 : IWidth
{
    public static bool HasFifth => true;
}

/// <summary>4×4 numbers of a thread.</summary>
internal struct Square
{
    public Float4 R0, R1, R2, R3;

    /// <summary>Adds the outer product of a and b: rows of a, columns of b.</summary>
    public static Square Add(Square s, Float4 a, Float4 b) => new()
    {
        R0 = Float4.Fma(a.X, b, s.R0),
        R1 = Float4.Fma(a.Y, b, s.R1),
        R2 = Float4.Fma(a.Z, b, s.R2),
        R3 = Float4.Fma(a.W, b, s.R3),
    };

    /// <summary>Rows become columns.</summary>
    public readonly Square Transposed => new()
    {
        R0 = new(R0.X, R1.X, R2.X, R3.X),
        R1 = new(R0.Y, R1.Y, R2.Y, R3.Y),
        R2 = new(R0.Z, R1.Z, R2.Z, R3.Z),
        R3 = new(R0.W, R1.W, R2.W, R3.W),
    };
}

/// <summary>The kernels of the contraction.</summary>
internal static class ContractionKernels
{
    private const int Threads = 256, TileThreads = 192;

    /// <summary>Entries of the scores of a block of <see cref="Reduce"/>, and sources of one of <see cref="Column"/>.</summary>
    public const int EntriesOfBlock = Threads, SourcesOfBlock = Threads / 32;

    public static GpuKernel<CentreOperands> Centres { get; } = new("Centre", Centre, Threads);
    public static GpuKernel<ReduceOperands> Reduces { get; } = new("Reduce", Reduce, Threads);
    public static GpuKernel<ColumnOperands> OfColumn { get; } = new("Column", Column, Threads);

    /// <summary>The kernels of the products, for tiles of a width and weights of a kind: one where all operands are aligned to fours, one where not.</summary>
    public static class Of<TWidth, TNumber, W> where TWidth : struct, IWidth where TNumber : struct, INumber<W> where W : unmanaged
    {
        public static GpuKernel<ContractOperands<W>> Whole { get; } = new($"Tiles.{typeof(TNumber).Name}.{ColumnsOf<TWidth>()}.whole", Tiles<Whole, TWidth, TNumber, W>, TileThreads, 3);
        public static GpuKernel<ContractOperands<W>> Edge { get; } = new($"Tiles.{typeof(TNumber).Name}.{ColumnsOf<TWidth>()}.edge", Tiles<Edge, TWidth, TNumber, W>, TileThreads, 3);
        public static IEnumerable<GpuKernel> All => [Whole, Edge];
    }

    // G of the rows of a pack in Depth of the d columns, as a block holds it in shared memory: [row][i][column], with four floats between the fours
    // of i, so that threads of neighbouring rows and fours write to different banks.
    private const int Depth = 16, SourcesOfTile = 96, Stride = SourcesOfTile + 4;

    private static int ColumnsOf<TWidth>() where TWidth : struct, IWidth => TWidth.HasFifth ? 40 : 32;
    private static int Place<TWidth>(int row, int i) where TWidth : struct, IWidth => row * (Depth * ColumnsOf<TWidth>() + Depth) + i * ColumnsOf<TWidth>() + (i >> 2) * 4;

    /// <summary>Sets y = x − mean(x)·[centred] a row; y may be x. Bytes: 8 an element.</summary>
    public static void Centre(CentreOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        var columns = p.X.Columns;
        ArrayView<float> x = p.X.From(Grid.IdxX), y = p.Y.From(Grid.IdxX);
        var mean = p.Centred != 0 ? Gpu.Columns.Sum(x, columns, slots) / columns : 0f;
        for (var i = Group.IdxX; i < columns; i += Group.DimX) y[i] = x[i] - mean;
    }

    /// <summary>
    /// Sets products[tile][part][u][column] for the sources of one layer. Block x-index: the pack; y-index: the tile of columns; z-index: the part of d.
    /// Operations a row: 2·columns·d·(sources + headDim + steps). Bytes: 4·d·sources a row and column tile; for every pack W (that of a key or value head
    /// once for every query head) and, for every 16 of d, α.
    ///
    /// A thread has 4 sources by 4 columns (5 of 40) of a tile of 96 sources; a warp 16 sources by all columns, and nothing to multiply where
    /// there are fewer. The differences pass through shared memory a row at a time, while the next ones are on their way.
    /// </summary>
    public static void Tiles<TFetch, TWidth, TNumber, W>(ContractOperands<W> p) where TFetch : struct, IFetch where TWidth : struct, IWidth where TNumber : struct, INumber<W> where W : unmanaged
    {
        var gOfFours = SharedMemory.Allocate<Float4>(4 * (Depth * ColumnsOf<TWidth>() + Depth));
        var differencesOfFours = SharedMemory.Allocate<Float4>(Depth * Stride / 4);
        ArrayView<float> g = gOfFours.Cast<float>(), differences = differencesOfFours.Cast<float>();
        int tile0 = p.Packs[p.FirstPack + Grid.IdxX], firstRow = p.Tiles[tile0], rows = p.Tiles[p.Packs[p.FirstPack + Grid.IdxX + 1]] - firstRow;
        int c0 = Grid.IdxY * ColumnsOf<TWidth>(), width = p.Differences.Columns, from = Grid.IdxZ * p.PartLength, to = Math.Min(from + p.PartLength, width);
        int t = Group.IdxX, threadRow = (t >> 5) * 4 + (t >> 3 & 2) + (t & 1), threadColumn = t >> 1 & 7, u = t >> 1;
        for (var d0 = from; d0 < to; d0 += Depth)
        {
            if (TFetch.IsWhole) FormFours<TWidth, TNumber, W>(p, firstRow, rows, c0, d0, g);
            else FormElements<TWidth, TNumber, W>(p, firstRow, rows, c0, d0, g);

            // This thread's fours of the differences, those of source u0 + t/2 in two of four fours of d.
            var k = d0 + (t & 1) * 4;
            var at = ((long)u * p.Count + firstRow - p.FirstRow) * width + k;
            Float4 next0 = Difference<TFetch, W>(p, at, u < p.Sources ? width - k : 0), next1 = Difference<TFetch, W>(p, at + 8, u < p.Sources ? width - k - 8 : 0);
            for (var u0 = 0; u0 < p.Sources; u0 += SourcesOfTile)
            {
                var row = 0;
                for (var tile = tile0; row < rows; tile++)
                {
                    Square acc = default;
                    Float4 fifth = default;
                    var end = p.Tiles[tile + 1] - firstRow;
                    for (; row < end; row++)
                    {
                        Keep(differences, (t & 1) * 4 * Stride + u, next0);
                        Keep(differences, ((t & 1) * 4 + 8) * Stride + u, next1);
                        Barrier.Wait();
                        var more = row + 1 < rows;
                        at += more ? width : ((long)SourcesOfTile * p.Count - (rows - 1)) * width;
                        var has = (more ? u0 : u0 + SourcesOfTile) + u < p.Sources;
                        next0 = Difference<TFetch, W>(p, at, has ? width - k : 0);
                        next1 = Difference<TFetch, W>(p, at + 8, has ? width - k - 8 : 0);
                        if (u0 + (t >> 5) * 16 < p.Sources)
                        {
                            var ofRow = g.SubView(Place<TWidth>(row, 0) + threadColumn);
                            var ofRowFours = gOfFours.SubView((Place<TWidth>(row, 0) >> 2) + threadColumn);
                            var ofSource = differencesOfFours.SubView(threadRow);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 0, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 1, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 2, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 3, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 4, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 5, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 6, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 7, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 8, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 9, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 10, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 11, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 12, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 13, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 14, ref acc, ref fifth);
                            Step<TWidth>(ofSource, ofRowFours, ofRow, 15, ref acc, ref fifth);
                        }
                        Barrier.Wait();
                    }
                    var first = u0 + threadRow * 4;
                    var output = (((long)(tile - p.Packs[p.FirstPack]) * p.Parts + Grid.IdxZ) * p.ProductSources + first) * p.ProductColumns + c0;
                    var add = d0 > from;
                    Store<TWidth, W>(p, output, first, threadColumn, add, acc.R0, fifth.X);
                    Store<TWidth, W>(p, output + p.ProductColumns, first + 1, threadColumn, add, acc.R1, fifth.Y);
                    Store<TWidth, W>(p, output + 2L * p.ProductColumns, first + 2, threadColumn, add, acc.R2, fifth.Z);
                    Store<TWidth, W>(p, output + 3L * p.ProductColumns, first + 3, threadColumn, add, acc.R3, fifth.W);
                }
            }
        }
    }

    private static void Step<TWidth>(ArrayView<Float4> ofSource, ArrayView<Float4> ofRowFours, ArrayView<float> ofRow, int i, ref Square acc, ref Float4 fifth) where TWidth : struct, IWidth
    {
        var x = ofSource[i * (Stride / 4)];
        var place = i * ColumnsOf<TWidth>() + (i >> 2) * 4;
        var y = ofRowFours[place >> 2];
        acc = Square.Add(acc, x, y);
        if (TWidth.HasFifth)
        {
            var last = ofRow[place + 32];
            fifth = new(Exact.Fma(x.X, last, fifth.X), Exact.Fma(x.Y, last, fifth.Y), Exact.Fma(x.Z, last, fifth.Z), Exact.Fma(x.W, last, fifth.W));
        }
    }

    private static void Keep(ArrayView<float> differences, int at, Float4 four)
    {
        differences[at] = four.X;
        differences[at + Stride] = four.Y;
        differences[at + 2 * Stride] = four.Z;
        differences[at + 3 * Stride] = four.W;
    }

    private static Float4 Difference<TFetch, W>(in ContractOperands<W> p, long at, int valid) where TFetch : struct, IFetch where W : unmanaged
    {
        Float4 four = default;
        if (valid > 0) four = TFetch.Four<Single32, float>(p.Differences.Data.SubView(at), valid);
        return four;
    }

    private static void Store<TWidth, W>(in ContractOperands<W> p, long at, int source, int threadColumn, bool add, Float4 value, float fifth) where TWidth : struct, IWidth where W : unmanaged
    {
        if (source >= p.Sources) return;
        var four = p.Products.SubView(at + threadColumn * 4).AsAligned(16).Cast<Float4>();
        if (add) value = four[0] + value;
        four[0] = value;
        if (!TWidth.HasFifth) return;
        var last = at + 32 + threadColumn;
        p.Products[last] = add ? p.Products[last] + fifth : fifth;
    }

    // Where the weights of a head's column of G begin, at d = 0 and k = 0.
    private static long WeightsOf<W>(in ContractOperands<W> p, int own) where W : unmanaged
    {
        int kind = own / p.Heads, head = own % p.Heads;
        var block = kind == 0 ? head : p.Heads + (kind - 1) * (p.Heads / p.Group) + head / p.Group;
        return p.Transposed != 0 ? (long)block * p.HeadDim * p.StrideW : (long)block * p.HeadDim;
    }

    // acc[r][c] += Σ_k α[r][k]·W[c][k] over four of k for four rows of α and four of d. A four of weights in memory lies along k, or where transposed along d.
    private static Square MultiplyFour<TNumber, W>(in ContractOperands<W> p, ArrayView<float> alpha0, ArrayView<float> alpha1, ArrayView<float> alpha2, ArrayView<float> alpha3, long w, int k, Square acc)
        where TNumber : struct, INumber<W> where W : unmanaged
    {
        var a = new Square { R0 = Single32.Four(alpha0, k), R1 = Single32.Four(alpha1, k), R2 = Single32.Four(alpha2, k), R3 = Single32.Four(alpha3, k) }.Transposed;
        var at = p.Transposed != 0 ? w + (long)k * p.StrideW : w + k;
        var b = new Square
        {
            R0 = TNumber.Four(p.Weights, at),
            R1 = TNumber.Four(p.Weights, at + p.StrideW),
            R2 = TNumber.Four(p.Weights, at + 2L * p.StrideW),
            R3 = TNumber.Four(p.Weights, at + 3L * p.StrideW),
        };
        if (p.Transposed == 0) b = b.Transposed;
        return Square.Add(Square.Add(Square.Add(Square.Add(acc, a.R0, b.R0), a.R1, b.R1), a.R2, b.R2), a.R3, b.R3);
    }

    // Forms G of the rows [firstRow, firstRow + rows), columns from c0 on and d from d0 on; zero where there is none. Operations a row, column and d:
    // 2·(headDim + steps). Here all is aligned: a thread forms every fourth row and 4 of d of a column.
    private static void FormFours<TWidth, TNumber, W>(in ContractOperands<W> p, int firstRow, int rows, int c0, int d0, ArrayView<float> g)
        where TWidth : struct, IWidth where TNumber : struct, INumber<W> where W : unmanaged
    {
        int t = Group.IdxX, i = (t & 3) * 4, row = t >> 2 & 3, d = d0 + i, last = rows - 1;
        if (row >= rows) return;
        // The thread's four rows; past the last one again.
        int r0 = firstRow + row, r1 = firstRow + Math.Min(row + 4, last), r2 = firstRow + Math.Min(row + 8, last), r3 = firstRow + Math.Min(row + 12, last);
        for (var v = t >> 4; v < ColumnsOf<TWidth>(); v += TileThreads / 16)
        {
            Square acc = default;
            var column = c0 + v;
            if (d < p.Differences.Columns && column < p.HeadColumns)
            {
                var own = p.FirstColumn + column;
                var w = WeightsOf(p, own) + (p.Transposed != 0 ? d : (long)d * p.StrideW);
                var head = own * p.HeadDim;
                ArrayView<float> alpha0 = p.Alpha.From(r0, head), alpha1 = p.Alpha.From(r1, head), alpha2 = p.Alpha.From(r2, head), alpha3 = p.Alpha.From(r3, head);
                var eights = p.HeadDim & ~7;
                for (var k = 0; k < eights; k += 8)
                {
                    acc = MultiplyFour<TNumber, W>(p, alpha0, alpha1, alpha2, alpha3, w, k, acc);
                    acc = MultiplyFour<TNumber, W>(p, alpha0, alpha1, alpha2, alpha3, w, k + 4, acc);
                }
                if (eights < p.HeadDim) acc = MultiplyFour<TNumber, W>(p, alpha0, alpha1, alpha2, alpha3, w, eights, acc);
                var scale = Single32.Four(p.Scale, d);
                acc = new() { R0 = acc.R0 * scale, R1 = acc.R1 * scale, R2 = acc.R2 * scale, R3 = acc.R3 * scale };
                for (var k = 0; k < p.Steps; k++)
                {
                    var ofStep = k * p.Rows;
                    acc = new()
                    {
                        R0 = LessStep(p, ofStep + r0, d, own, acc.R0),
                        R1 = LessStep(p, ofStep + r1, d, own, acc.R1),
                        R2 = LessStep(p, ofStep + r2, d, own, acc.R2),
                        R3 = LessStep(p, ofStep + r3, d, own, acc.R3),
                    };
                }
            }
            else if (d < p.Differences.Columns && column == p.HeadColumns && !p.MlpGradient.IsNone)
                acc = new()
                {
                    R0 = Single32.Four(p.MlpGradient.From(r0), d),
                    R1 = Single32.Four(p.MlpGradient.From(r1), d),
                    R2 = Single32.Four(p.MlpGradient.From(r2), d),
                    R3 = Single32.Four(p.MlpGradient.From(r3), d),
                };
            Put<TWidth>(g, row, i, v, acc.R0);
            Put<TWidth>(g, row + 4, i, v, acc.R1);
            Put<TWidth>(g, row + 8, i, v, acc.R2);
            Put<TWidth>(g, row + 12, i, v, acc.R3);
        }
    }

    // acc − x̂·s of one step.
    private static Float4 LessStep<W>(in ContractOperands<W> p, int row, int d, int own, Float4 acc) where W : unmanaged => Float4.Fma(-p.StepProducts[row, own], Single32.Four(p.NormalizedInputs.From(row), d), acc);

    private static void Put<TWidth>(ArrayView<float> g, int row, int i, int v, Float4 four) where TWidth : struct, IWidth
    {
        var at = Place<TWidth>(row, i) + v;
        g[at] = four.X;
        g[at + ColumnsOf<TWidth>()] = four.Y;
        g[at + 2 * ColumnsOf<TWidth>()] = four.Z;
        g[at + 3 * ColumnsOf<TWidth>()] = four.W;
    }

    // The same sums where not all is aligned, an element at a time.
    private static void FormElements<TWidth, TNumber, W>(in ContractOperands<W> p, int firstRow, int rows, int c0, int d0, ArrayView<float> g)
        where TWidth : struct, IWidth where TNumber : struct, INumber<W> where W : unmanaged
    {
        int i = Group.IdxX & 15, d = d0 + i;
        for (var v = Group.IdxX >> 4; v < ColumnsOf<TWidth>(); v += TileThreads / 16)
            for (var row = 0; row < rows; row++)
            {
                float value = 0;
                var column = c0 + v;
                if (d < p.Differences.Columns && column < p.HeadColumns)
                {
                    var own = p.FirstColumn + column;
                    var alpha = p.Alpha.From(firstRow + row, own * p.HeadDim);
                    var w = WeightsOf(p, own) + (p.Transposed != 0 ? d : (long)d * p.StrideW);
                    var step = p.Transposed != 0 ? p.StrideW : 1;
                    for (var k = 0; k < p.HeadDim; k++) value = Exact.Fma(alpha[k], TNumber.One(p.Weights, w + (long)k * step), value);
                    value *= p.Scale[d];
                    for (var k = 0; k < p.Steps; k++)
                    {
                        var ofStep = k * p.Rows + firstRow + row;
                        value = Exact.Fma(-p.StepProducts[ofStep, own], p.NormalizedInputs[ofStep, d], value);
                    }
                }
                else if (d < p.Differences.Columns && column == p.HeadColumns && !p.MlpGradient.IsNone) value = p.MlpGradient[firstRow + row, d];
                g[Place<TWidth>(row, i) + v] = value;
            }
    }

    /// <summary>
    /// Adds to the scores of one layer, tile by tile in the order of the rows: the same bits however tiles are put together in packs, chunks and
    /// micro-batches. A thread an entry, block y-index the example of the chunk. Bytes a tile: 4·parts·sources·columns.
    /// </summary>
    public static void Reduce(ReduceOperands p)
    {
        int example = p.FirstSequence + Grid.IdxY, entry = Grid.IdxX * Threads + Group.IdxX, u = entry / p.Columns, column = entry % p.Columns;
        if (u >= p.Sources) return;
        int from = Math.Max(p.SequenceTiles[example], p.FirstTile), to = Math.Min(p.SequenceTiles[example + 1], p.FirstTile + p.Tiles);
        if (from >= to) return;
        var score = (long)example * p.Scores.Stride + (long)u * p.ScoreColumns + p.FirstColumn + column;
        var ofPart = (long)p.ProductSources * p.ProductColumns;
        var at = (long)(from - p.FirstTile) * p.Parts * ofPart + (long)u * p.ProductColumns + column;
        var sum = p.Scores.Data[score];
        for (var tile = from; tile < to; tile++)
        {
            float value = 0;
            for (var part = 0; part < p.Parts; part++)
            {
                value += p.Products[at];
                at += ofPart;
            }
            sum += value;
        }
        p.Scores.Data[score] = sum;
    }

    /// <summary>
    /// Adds to one column's scores, row by row, what the rows of each example give, or the last one alone. A warp a source, block y-index the example of
    /// the chunk. Bytes a row: 8·d a source; operations: 2·d.
    /// </summary>
    public static void Column(ColumnOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int example = p.FirstSequence + Grid.IdxY, number = Grid.IdxX * SourcesOfBlock + (Group.IdxX >> 5), lane = Group.IdxX & 31, end = p.Offsets[example + 1];
        int from = Math.Max(p.LastOnly != 0 ? end - 1 : p.Offsets[example], p.FirstRow), to = Math.Min(end, p.FirstRow + p.Count);
        // All threads meet in the reduction: those without a source have no columns.
        var has = number < p.Sources && from < to;
        int u = p.FirstSource + number, columns = has ? p.Gradient.Columns : 0;
        var score = (long)example * p.Scores.Stride + (long)u * p.ScoreColumns + p.Column;
        float sum = 0;
        if (has && lane == 0) sum = p.Scores.Data[score];
        for (var row = from; row < to; row++)
        {
            long difference = ((long)u * p.Count + row - p.FirstRow) * p.Differences.Stride, gradient = (long)(p.LastOnly != 0 ? example : row) * p.Gradient.Stride;
            float dot = 0;
            for (var i = lane; i < columns; i += 32) dot = Exact.Fma(p.Differences.Data[difference + i], p.Gradient.Data[gradient + i], dot);
            sum += Gpu.Reduce.OverLanes<Sum>(dot, slots);
        }
        if (has && lane == 0) p.Scores.Data[score] = sum;
    }
}
