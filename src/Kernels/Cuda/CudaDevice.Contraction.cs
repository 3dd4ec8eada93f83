using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of Contraction.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct CentreParameters(RawTensor X, RawTensor Y, int Centred);

    [StructLayout(LayoutKind.Sequential)]
    private record struct ContractParameters
    {
        public RawTensor Differences, Alpha, MlpGradient, NormalizedInputs, StepProducts;
        public nint Weights, Scale, Products;
        public RawIndices Tiles, Packs;
        public int FirstPack, FirstRow, Count, Rows, WeightsStride, Transposed, Heads, Group, HeadDim, FirstColumn, HeadColumns, Steps;
        public int Sources, ProductSources, ProductColumns, Parts, PartLength, Aligned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct ReduceParameters
    {
        public nint Products;
        public RawTensor Scores;
        public RawIndices SequenceTiles;
        public int FirstSequence, FirstTile, Tiles, Sources, Columns, ProductSources, ProductColumns, Parts, FirstColumn, ScoreColumns;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ColumnParameters(RawTensor Differences, RawTensor Gradient, RawTensor Scores, RawIndices Offsets, int FirstSequence,
        int FirstRow, int Count, int FirstSource, int Sources, int Column, int ScoreColumns, int LastOnly);

    /// <summary>Packs that are worked on together: their tiles and rows, the sequences that these are of, and where their products and Δz stand.</summary>
    private readonly record struct Chunk(int FirstPack, int Packs, int FirstTile, int Tiles, int FirstRow, int Rows, int FirstSequence, int Sequences,
        nint Products, RawTensor Differences);

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
        var (bytes, least) = CudaScratch.OfContraction(c, _cacheBytes, _contractionWave, ContractionMemory);
        var memory = LargestWorkspace(ref bytes, least);
        for (int first = 0, taken; first < packs; first += taken)
        {
            taken = CudaScratch.PacksIn(c, first, bytes);
            int firstTile = c.Layout.Packs[first], tiles = c.Layout.Packs[first + taken] - firstTile, firstRow = c.Layout.TileOffsets[firstTile];
            var rows = c.Layout.TileOffsets[firstTile + tiles] - firstRow;
            var firstSequence = c.Layout.SequenceOf(firstTile);
            var products = checked((nint)(sizeof(float) * tiles * CudaScratch.ProductsOfTile(c)));
            var chunk = new Chunk(first, taken, firstTile, tiles, firstRow, rows, firstSequence,
                c.Layout.SequenceOf(firstTile + tiles - 1) + 1 - firstSequence, memory, new(memory + products, checked(sources * rows), width));
            FormDifferences(c, firstRow, rows, chunk.Differences);
            for (var layer = 0; layer < c.Layers; layer++)
                ContractLayer(c, layer, chunk);
            ContractColumn(c, c.Layers, c.LogitsGradient, chunk, 0, sources, c.Columns - 1);
        }
    }

    // Memory for a chunk; for a smaller one where the device has no more.
    private nint LargestWorkspace(ref long bytes, long least)
    {
        for (; ; bytes = CudaScratch.LessOfContraction(bytes, least))
        {
            try
            {
                return Workspace(bytes);
            }
            catch (DeviceMemoryException) when (bytes > least)
            {
                // Half of it may do.
            }
        }
    }

    // Δz of every source for rows [first, first + count): [sources][count][d], centred where the norm is.
    private void FormDifferences(ScoreContraction c, int first, int count, RawTensor differences)
    {
        var width = differences.Columns;
        RawTensor Source(int u, int sources = 1) => differences.RowRange(u * count, sources * count);
        void Centre(RawTensor x, RawTensor y) =>
            Launch("centre_rows", new CentreParameters(x, y, c.Centred ? 1 : 0), x.Rows, threads: RowThreads(width));

        Centre(c.InputDifference.RowRange(first, count), Source(0));
        for (var layer = 0; layer < c.Layers; layer++)
        {
            var own = 1 + layer * (c.Heads + 1);
            var context = c.ContextDifference[layer].RowRange(first, count);
            var output = (CudaWeights)c.Output[layer];
            var weightsBatch = output.Offset(WeightSide.Forward, c.HeadDim, 0);
            MultiplyBatch(output, WeightSide.Forward, context.ColumnRange(0, c.HeadDim), Source(own), c.Heads,
                xBatch: c.HeadDim, yBatch: (long)count * width, k0: 0, n0: 0, weightsBatch, bias: default, add: false);
            if (c.Centred)
                Centre(Source(own, c.Heads), Source(own, c.Heads));
            Centre(c.MlpDifference[layer].RowRange(first, count), Source(own + c.Heads));
        }
    }

    private void ContractLayer(ScoreContraction c, int layer, in Chunk chunk)
    {
        int heads = c.Heads, headDim = c.HeadDim, width = chunk.Differences.Columns, sources = c.SourcesBefore(layer);
        var firstColumn = layer * (3 * heads + 1);
        var leftOut = 3 * heads - c.HeadColumns;
        var weights = (CudaWeights)c.QueryKeyValue[layer];
        (RawTensor alpha, RawTensor scale, RawTensor normalized, RawTensor mlpGradient) = (c.Alpha[layer], c.NormScale[layer], c.NormalizedInputs[layer], c.MlpGradient[layer]);
        var everyRow = !c.IsReduced(layer);
        var columns = c.HeadColumns + (everyRow ? 1 : 0);
        MatrixFlops += 2L * chunk.Rows * width * ((long)c.HeadColumns * headDim + (long)columns * sources);
        var (tile, tiles) = CudaScratch.TileOfContraction(c);
        var (parts, partLength) = CudaScratch.PartsOfContraction(width);
        int productSources = c.SourcesBefore(c.Layers - 1), productColumns = tile * tiles;
        var onDevice = c.Layout.OnDevice;
        Launch($"contract_tiles_{(weights.Precision == WeightPrecision.BFloat16 ? "bf16" : "f32")}_{tile}", new ContractParameters
        {
            Differences = chunk.Differences,
            Alpha = alpha,
            MlpGradient = everyRow ? mlpGradient : default,
            NormalizedInputs = normalized,
            StepProducts = c.StepProducts[layer],
            Weights = weights.Pointer,
            Scale = scale.Pointer,
            Products = chunk.Products,
            Tiles = onDevice.TileOffsets,
            Packs = onDevice.Packs,
            FirstPack = chunk.FirstPack,
            FirstRow = chunk.FirstRow,
            Count = chunk.Rows,
            Rows = c.Layout.Rows,
            WeightsStride = weights.Stride,
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
            Aligned = InFours(chunk.Differences.Pointer | alpha.Pointer | scale.Pointer | normalized.Pointer | (everyRow ? mlpGradient.Pointer : 0),
                    width | headDim | alpha.Stride | normalized.Stride | (everyRow ? mlpGradient.Stride : 0), 0, sizeof(float))
                & InFours(weights.Pointer, weights.Stride, 0, weights.ElementBytes),
        }, chunk.Packs, CeilDiv(columns, tile), parts);
        Launch("reduce_tiles", new ReduceParameters
        {
            Products = chunk.Products,
            Scores = c.Scores,
            SequenceTiles = onDevice.SequenceTiles,
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
        }, CeilDiv((long)sources * columns, 256), chunk.Sequences);
        // The heads of the layer feed its MLP alone, and all sources do where it reads last rows only.
        var mlpSources = sources + (c.Parallel ? 0 : heads);
        ContractColumn(c, layer, mlpGradient, chunk, everyRow ? sources : 0, mlpSources, firstColumn + 3 * heads);
    }

    // One column of the sources [from, to), in every row or, of a reduced layer, in the last one of each sequence.
    private void ContractColumn(ScoreContraction c, int layer, RawTensor gradient, in Chunk chunk, int from, int to, int column)
    {
        if (from == to) return;
        MatrixFlops += 2L * (to - from) * gradient.Columns * (c.IsReduced(layer) ? chunk.Sequences : chunk.Rows);
        Launch("contract_column", new ColumnParameters(chunk.Differences, gradient, c.Scores, c.Layout.OnDevice.Offsets, chunk.FirstSequence, chunk.FirstRow,
            chunk.Rows, from, to - from, column, c.Columns, c.IsReduced(layer) ? 1 : 0), CeilDiv(to - from, 8), chunk.Sequences);
    }
}
