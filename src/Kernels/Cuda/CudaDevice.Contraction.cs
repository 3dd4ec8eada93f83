using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of Contraction.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct CentreParameters(Tensor X, Tensor Y, int Centred);

    [StructLayout(LayoutKind.Sequential)]
    private record struct ContractParameters
    {
        public Tensor Differences, Gradients, MlpGradient, NormalizedInputs;
        public nint Products;
        public int FirstRow, Count, Rows, HeadColumns, Columns, Sources, HeadSources, ProductSources, Parts, PartLength, Aligned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct ReduceParameters
    {
        public nint Products;
        public Tensor StepProducts, Scores;
        public Indices Offsets;
        public int FirstRow, Count, Rows, HeadColumns, Columns, Steps, Mlp, Sources, HeadSources, ProductSources, FirstColumn, ScoreColumns, Parts;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct LastRowParameters(Tensor Differences, Tensor Gradient, Tensor Scores, Indices Offsets, int FirstRow,
        int Count, int Sources, int Column, int ScoreColumns);

    /// <summary>
    /// Bytes of device memory that a contraction may use: a 32nd of the device's unless set. It takes the rows in chunks that fit; the
    /// size changes its speed, never its bits.
    /// </summary>
    public long ContractionMemory { get; init; }

    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        ArgumentNullException.ThrowIfNull(contraction);
        var c = contraction;
        int rows = c.Layout.Rows, width = c.InputDifference.Columns, heads = c.Heads;
        int sources = 1 + c.Layers * (heads + 1), scoreColumns = c.Layers * (3 * heads + 1) + 1;
        RequireShape(c.Scores, c.Layout.Sequences, checked(sources * scoreColumns));
        var (chunk, bytesOfARow) = CudaScratch.OfContraction(c, _cacheBytes, ContractionMemory);
        var memory = LargestWorkspace(ref chunk, bytesOfARow);
        for (var first = 0; first < rows; first += chunk)
        {
            var count = Math.Min(chunk, rows - first);
            var differences = new Tensor(memory, checked(sources * count), width);
            var gradients = new Tensor(memory + checked((nint)(sizeof(float) * differences.Count)), c.HeadColumns * count, width);
            var products = gradients.Pointer + checked((nint)(sizeof(float) * gradients.Count));
            FormDifferences(c, first, count, differences);
            for (var layer = 0; layer < c.Layers; layer++)
                ContractLayer(c, layer, first, count, differences, gradients, products, sources, scoreColumns);
            LastRows(c, c.LogitsGradient, first, count, differences, sources, scoreColumns - 1, scoreColumns);
        }
    }

    // Memory for a chunk of rows; for a smaller one where the device has no more.
    private nint LargestWorkspace(ref int chunk, long bytesOfARow)
    {
        for (; ; chunk /= 2)
        {
            try
            {
                return Workspace(chunk * bytesOfARow);
            }
            catch (DeviceMemoryException) when (chunk > 1)
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
            Launch("centre_rows", new CentreParameters(x, y, c.Centred ? 1 : 0), x.Rows, threads: RowThreads(width));

        Centre(c.InputDifference.RowRange(first, count), Source(0));
        for (var layer = 0; layer < c.Layers; layer++)
        {
            var own = 1 + layer * (c.Heads + 1);
            var context = c.ContextDifference[layer].RowRange(first, count);
            var output = (CudaWeights)c.Output[layer];
            var weightsBatch = output.Offset(WeightSide.Forward, c.HeadDim, 0);
            MultiplyBatch(output, WeightSide.Forward, context.ColumnRange(0, c.HeadDim), Source(own), c.Heads,
                xBatch: c.HeadDim, yBatch: (long)count * width, k0: 0, n0: 0, weightsBatch, weightsGroup: 1, bias: 0, scale: 0, add: false);
            if (c.Centred)
                Centre(Source(own, c.Heads), Source(own, c.Heads));
            Centre(c.MlpDifference[layer].RowRange(first, count), Source(own + c.Heads));
        }
    }

    private void ContractLayer(ScoreContraction c, int layer, int first, int count, Tensor differences, Tensor gradients, nint products,
        int sources, int scoreColumns)
    {
        int heads = c.Heads, headDim = c.HeadDim, width = differences.Columns, rows = c.Layout.Rows;
        int headSources = 1 + layer * (heads + 1), mlpSources = headSources + (c.Parallel ? 0 : heads),
            firstColumn = layer * (3 * heads + 1);
        var alpha = c.Alpha[layer].RowRange(first, count);
        var scale = c.NormScale[layer];

        // γ⊙(W·α) of the q columns, then of the k and v columns, or of the v columns alone: the fused matrix holds heads q blocks and
        // heads/group k and v blocks, and group neighbouring columns share one of those. Where none is shared, all are alike.
        var fused = (CudaWeights)c.QueryKeyValue[layer];
        var weightsBatch = fused.Offset(WeightSide.Transposed, headDim, 0);
        var gradient = new Tensor(gradients.Pointer, count, width);
        var shared = c.ValuesAlone ? heads : c.Group == 1 ? 3 * heads : 2 * heads;
        if (shared == 2 * heads)
            MultiplyBatch(fused, WeightSide.Transposed, alpha.ColumnRange(0, headDim), gradient, heads,
                xBatch: headDim, yBatch: (long)count * width, k0: 0, n0: 0, weightsBatch, weightsGroup: 1, bias: 0, scale.Pointer, add: false);
        MultiplyBatch(fused, WeightSide.Transposed, alpha.ColumnRange((3 * heads - shared) * headDim, headDim),
            gradients.RowRange((c.HeadColumns - shared) * count, count), shared,
            xBatch: headDim, yBatch: (long)count * width, k0: (heads + (2 * heads - shared) / c.Group) * headDim, n0: 0, weightsBatch,
            weightsGroup: c.Group, bias: 0, scale.Pointer, add: false);

        // Where the MLP reads one row a sequence, it is the last one.
        var mlpGradient = c.MlpGradient[layer];
        var everyRow = mlpGradient.Rows == rows;
        var mlp = everyRow ? 1 : 0;
        var columns = c.HeadColumns + mlp + c.Steps;
        var tileSources = everyRow ? Math.Max(headSources, mlpSources) : headSources;
        MatrixFlops += 2L * count * tileSources * columns * width;
        var (parts, partLength) = CudaScratch.PartsOfContraction(width);
        var tile = ChooseContractionTile(columns, tileSources);
        Launch($"contract_rows_{tile}", new ContractParameters
        {
            Differences = differences,
            Gradients = gradients,
            MlpGradient = everyRow ? mlpGradient : default,
            NormalizedInputs = c.NormalizedInputs[layer],
            Products = products,
            FirstRow = first,
            Count = count,
            Rows = rows,
            HeadColumns = c.HeadColumns,
            Columns = columns,
            Sources = tileSources,
            HeadSources = headSources,
            ProductSources = sources,
            Parts = parts,
            PartLength = partLength,
            Aligned = InFours(c.NormalizedInputs[layer].Pointer | (everyRow ? mlpGradient.Pointer : 0),
                width | c.NormalizedInputs[layer].Stride | (everyRow ? mlpGradient.Stride : 0), 0, sizeof(float)),
        }, CeilDiv(columns, tile), CeilDiv(tileSources, tile) * parts, count);
        Launch("reduce_rows", new ReduceParameters
        {
            Products = products,
            StepProducts = c.Steps == 0 ? default : c.StepProducts[layer].ColumnRange(3 * heads - c.HeadColumns, c.HeadColumns),
            Scores = c.Scores,
            Offsets = c.Layout.OnDevice.Offsets,
            FirstRow = first,
            Count = count,
            Rows = rows,
            HeadColumns = c.HeadColumns,
            Columns = columns,
            Steps = c.Steps,
            Mlp = mlp,
            Sources = tileSources,
            HeadSources = headSources,
            ProductSources = sources,
            FirstColumn = firstColumn + 3 * heads - c.HeadColumns,
            ScoreColumns = scoreColumns,
            Parts = parts,
        }, CeilDiv((long)tileSources * (c.HeadColumns + mlp), 256), c.Layout.Sequences);
        if (!everyRow)
            LastRows(c, mlpGradient, first, count, differences, mlpSources, firstColumn + 3 * heads, scoreColumns);
    }

    // The tile of which less stays empty.
    private static int ChooseContractionTile(int columns, int sources)
    {
        long Results(int tile) => CeilDiv(columns, tile) * CeilDiv(sources, tile) * tile * tile;
        return Results(48) < Results(64) ? 48 : 64;
    }

    private void LastRows(ScoreContraction c, Tensor gradient, int first, int count, Tensor differences, int sources, int column,
        int scoreColumns) =>
        Launch("contract_last_rows",
            new LastRowParameters(differences, gradient, c.Scores, c.Layout.OnDevice.Offsets, first, count, sources, column, scoreColumns),
            CeilDiv(sources, 8), c.Layout.Sequences);
}
