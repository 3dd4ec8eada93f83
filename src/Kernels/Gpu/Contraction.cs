using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

// The contraction of all edge scores, a chunk of rows at a time. Working memory, for `count` rows from firstRow on, in `tiles` of at most 16 of one
// sequence, and F sources:
//   differences [F][count][d]  Δz of every source, centred for LayerNorm
//   products    [tiles][parts][sources][columns]  Σ Δz·G over the rows of a tile and a part of d, for the columns of one layer
// G itself, γ⊙(W·α) − Σ_k x̂_k·s_k, exists 16 rows by 16 of d at a time, in shared memory; it is formed once and multiplied there with every
// source. It need not be centred, since the differences are.

internal struct CentreOperands(Matrix x, Matrix y, bool centred)
{
    public Matrix X = x, Y = y;
    public int Centred = centred ? 1 : 0;
}

internal struct ContractOperands<W> where W : unmanaged
{
    /// <summary>[F·count × d].</summary>
    public Matrix Differences;
    /// <summary>[rows × 3·heads·headDim].</summary>
    public Matrix Alpha;
    /// <summary>[rows × d], or none.</summary>
    public Matrix MlpGradient;
    /// <summary>[steps·rows × d].</summary>
    public Matrix NormalizedInputs;
    /// <summary>[steps·rows × 3·heads].</summary>
    public Matrix StepProducts;
    /// <summary>The fused projection: its blocks of headDim columns are those of heads q, then heads/group k, then as many v.</summary>
    public ArrayView<W> Weights;
    public ArrayView<float> Scale, Products;
    /// <summary>First row of every tile, first tile of every pack.</summary>
    public ArrayView<int> Tiles, Packs;
    public int FirstPack, FirstRow, Count, Rows;
    /// <summary>Transposed: a row in memory is a column of W.</summary>
    public int StrideW, Transposed, Heads, Group, HeadDim;
    /// <summary>Columns before the first are left out.</summary>
    public int FirstColumn, HeadColumns, Steps;
    /// <summary>Sources that the columns read, those of the last layer, columns filled up to whole tiles.</summary>
    public int Sources, ProductSources, ProductColumns;
    /// <summary>Of d.</summary>
    public int Parts, PartLength;
}

internal struct ReduceOperands
{
    public ArrayView<float> Products;
    /// <summary>[examples × F·N].</summary>
    public Matrix Scores;
    /// <summary>First tile of every example.</summary>
    public ArrayView<int> SequenceTiles;
    public int FirstSequence, FirstTile, Tiles, Sources, Columns, ProductSources, ProductColumns, Parts, FirstColumn, ScoreColumns;
}

internal struct ColumnOperands
{
    /// <summary>[F·count × d], [rows × d] or [examples × d], [examples × F·N].</summary>
    public Matrix Differences, Gradient, Scores;
    public ArrayView<int> Offsets;
    public int FirstSequence, FirstRow, Count, FirstSource, Sources, Column, ScoreColumns;
    /// <summary>The gradient has one row an example, which is that of its last row.</summary>
    public int LastOnly;
}

public sealed partial class GpuDevice
{
    /// <summary>Packs that are worked on together: their tiles and rows, the sequences that these are of, and where their products and Δz stand.</summary>
    private readonly record struct Chunk(int FirstPack, int Packs, int FirstTile, int Tiles, int FirstRow, int Rows, int FirstSequence, int Sequences,
        Tensor Products, Tensor Differences);

    /// <summary>
    /// Bytes of device memory that a contraction may use: a 32nd of the device's unless set. It takes the rows in chunks that fit, of one pack at
    /// least; the size changes its speed, never its bits.
    /// </summary>
    public long ContractionMemory { get; init; }

    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        ArgumentNullException.ThrowIfNull(contraction);
        var c = contraction;
        int width = c.InputDifference.Columns, sources = c.SourcesBefore(c.Layers), packs = c.Layout.Packs.Length - 1;
        RequireShape(c.Scores, c.Layout.Sequences, checked(sources * c.Columns));
        if (c.Layout.Rows == 0) return;
        var (bytes, least) = GpuScratch.OfContraction(c, info.Cache, info.ContractionWave, ContractionMemory);
        var memory = LargestWorkspace(ref bytes, least);
        for (int first = 0, taken; first < packs; first += taken)
        {
            taken = GpuScratch.PacksIn(c, first, bytes);
            int firstTile = c.Layout.Packs[first], tiles = c.Layout.Packs[first + taken] - firstTile, firstRow = c.Layout.TileOffsets[firstTile];
            var rows = c.Layout.TileOffsets[firstTile + tiles] - firstRow;
            var firstSequence = c.Layout.SequenceOf(firstTile);
            var products = tiles * GpuScratch.ProductsOfTile(c);
            var chunk = new Chunk(first, taken, firstTile, tiles, firstRow, rows, firstSequence, c.Layout.SequenceOf(firstTile + tiles - 1) + 1 - firstSequence,
                memory, new(memory.Buffer!, products, checked(sources * rows), width));
            FormDifferences(c, firstRow, rows, chunk.Differences);
            for (var layer = 0; layer < c.Layers; layer++)
            {
                var weights = (GpuWeights)c.QueryKeyValue[layer];
                if (weights.Precision == WeightPrecision.Float32) ContractLayer<Single32, float>(c, layer, chunk, weights, weights.Singles);
                else if (weights.Precision == WeightPrecision.BFloat16) ContractLayer<Brain16, ushort>(c, layer, chunk, weights, weights.Halves);
                else ContractLayer<Half16, ushort>(c, layer, chunk, weights, weights.Halves);
            }
            ContractColumn(c, c.Layers, c.LogitsGradient, chunk, 0, sources, c.Columns - 1);
        }
    }

    // Memory for a chunk; for a smaller one where the device has no more.
    private Tensor LargestWorkspace(ref long bytes, long least)
    {
        for (; ; bytes = GpuScratch.LessOfContraction(bytes, least))
        {
            try
            {
                return Workspace(bytes / sizeof(float));
            }
            catch (DeviceMemoryException) when (bytes > least)
            {
                // Half of it may do.
            }
        }
    }

    // Δz of every source for rows [first, first + count): [sources][count][d], centred where the norm is.
    private void FormDifferences(ScoreContraction c, int first, int count, Tensor differences)
    {
        var width = differences.Columns;
        Tensor Source(int u, int sources = 1) => differences.RowRange(u * count, sources * count);
        void Centre(Tensor x, Tensor y) =>
            Launch(ContractionKernels.Centres, new CentreOperands(View(x), View(y), c.Centred), x.Rows, threads: RowThreads(width));

        Centre(c.InputDifference.RowRange(first, count), Source(0));
        for (var layer = 0; layer < c.Layers; layer++)
        {
            var own = 1 + layer * (c.Heads + 1);
            var context = c.ContextDifference[layer].RowRange(first, count);
            var output = (GpuWeights)c.Output[layer];
            MultiplyBatch(output, WeightSide.Forward, context.ColumnRange(0, c.HeadDim), Source(own), c.Heads, batchX: c.HeadDim, batchY: (long)count * width, k0: 0, n0: 0,
                batchWeights: output.Offset(WeightSide.Forward, c.HeadDim, 0), bias: default, add: false);
            if (c.OutputNorm(layer) is { IsNone: false } norm)
            {
                var heads = Source(own, c.Heads);
                NormDifferential(heads, norm.Scale, norm.XHat.IsNone ? default : norm.XHat.RowRange(first, count), norm.InverseSigma.RowRange(first, count), norm.Centred, heads);
            }
            if (c.Centred) Centre(Source(own, c.Heads), Source(own, c.Heads));
            Centre(c.MlpDifference[layer].RowRange(first, count), Source(own + c.Heads));
        }
    }

    private void ContractLayer<TNumber, W>(ScoreContraction c, int layer, in Chunk chunk, GpuWeights weights, ArrayView<W> stored) where TNumber : struct, INumber<W> where W : unmanaged
    {
        int heads = c.Heads, headDim = c.HeadDim, width = chunk.Differences.Columns, sources = c.SourcesBefore(layer);
        var firstColumn = layer * (3 * heads + 1);
        var leftOut = 3 * heads - c.HeadColumns;
        Tensor alpha = c.Alpha[layer], scale = c.NormScale[layer], normalized = c.NormalizedInputs[layer], mlpGradient = c.MlpGradient[layer];
        var everyRow = !c.IsReduced(layer);
        var columns = c.HeadColumns + (everyRow ? 1 : 0);
        MatrixFlops += 2L * chunk.Rows * width * ((long)c.HeadColumns * headDim + (long)columns * sources);
        var (tile, tiles) = GpuScratch.TileOfContraction(c);
        var (parts, partLength) = GpuScratch.PartsOfContraction(width);
        int productSources = c.SourcesBefore(c.Layers - 1), productColumns = tile * tiles;
        var onDevice = c.Layout.OnDevice;
        var memory = Floats(chunk.Products.Buffer!);
        var rest = everyRow ? mlpGradient.Offset | (uint)mlpGradient.Stride : 0;
        var aligned = InFours(chunk.Differences.Offset | alpha.Offset | scale.Offset | normalized.Offset | rest, width | headDim | alpha.Stride | normalized.Stride, weights.Stride);
        var kernel = (tile, aligned) switch
        {
            (40, true) => ContractionKernels.Of<Width40, TNumber, W>.Whole,
            (40, false) => ContractionKernels.Of<Width40, TNumber, W>.Edge,
            (_, true) => ContractionKernels.Of<Width32, TNumber, W>.Whole,
            _ => ContractionKernels.Of<Width32, TNumber, W>.Edge,
        };
        Launch(kernel, new ContractOperands<W>
        {
            Differences = View(chunk.Differences),
            Alpha = View(alpha),
            MlpGradient = everyRow ? View(mlpGradient) : default,
            NormalizedInputs = View(normalized),
            StepProducts = View(c.StepProducts[layer]),
            Weights = stored,
            Scale = View(scale).Data,
            Products = memory,
            Tiles = View(onDevice.TileOffsets),
            Packs = View(onDevice.Packs),
            FirstPack = chunk.FirstPack,
            FirstRow = chunk.FirstRow,
            Count = chunk.Rows,
            Rows = c.Layout.Rows,
            StrideW = weights.Stride,
            Transposed = weights.StoredTransposed ? 1 : 0,
            Heads = heads,
            Group = c.Group,
            HeadDim = headDim,
            FirstColumn = leftOut,
            HeadColumns = c.HeadColumns,
            Steps = c.Steps,
            Sources = sources,
            ProductSources = productSources,
            ProductColumns = productColumns,
            Parts = parts,
            PartLength = partLength,
        }, chunk.Packs, CeilDiv(columns, tile), parts);
        Launch(ContractionKernels.Reduces, new ReduceOperands
        {
            Products = memory,
            Scores = View(c.Scores),
            SequenceTiles = View(onDevice.SequenceTiles),
            FirstSequence = chunk.FirstSequence,
            FirstTile = chunk.FirstTile,
            Tiles = chunk.Tiles,
            Sources = sources,
            Columns = columns,
            ProductSources = productSources,
            ProductColumns = productColumns,
            Parts = parts,
            FirstColumn = firstColumn + leftOut,
            ScoreColumns = c.Columns,
        }, CeilDiv((long)sources * columns, ContractionKernels.EntriesOfBlock), chunk.Sequences);
        // The heads of the layer feed its MLP alone, and all sources do where it reads last rows only.
        var mlpSources = sources + (c.Parallel ? 0 : heads);
        ContractColumn(c, layer, mlpGradient, chunk, everyRow ? sources : 0, mlpSources, firstColumn + 3 * heads);
    }

    // One column of the sources [from, to), in every row or, of a reduced layer, in the last one of each sequence.
    private void ContractColumn(ScoreContraction c, int layer, Tensor gradient, in Chunk chunk, int from, int to, int column)
    {
        if (from == to) return;
        MatrixFlops += 2L * (to - from) * gradient.Columns * (c.IsReduced(layer) ? chunk.Sequences : chunk.Rows);
        Launch(ContractionKernels.OfColumn, new ColumnOperands
        {
            Differences = View(chunk.Differences),
            Gradient = View(gradient),
            Scores = View(c.Scores),
            Offsets = View(c.Layout.OnDevice.Offsets),
            FirstSequence = chunk.FirstSequence,
            FirstRow = chunk.FirstRow,
            Count = chunk.Rows,
            FirstSource = from,
            Sources = to - from,
            Column = column,
            ScoreColumns = c.Columns,
            LastOnly = c.IsReduced(layer) ? 1 : 0,
        }, CeilDiv(to - from, ContractionKernels.SourcesOfBlock), chunk.Sequences);
    }
}
