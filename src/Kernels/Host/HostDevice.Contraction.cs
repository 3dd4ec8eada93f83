namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        var c = contraction;
        int heads = c.Heads, dh = c.HeadDim, d = c.InputDifference.Columns, width = heads * dh, keyWidth = width / c.Group;
        int sources = 1 + c.Layers * (heads + 1), columns = c.Layers * (3 * heads + 1) + 1, rows = c.Layout.Rows;
        for (var l = 0; l < c.Layers; l++) // every Δz through W_O and every α through W_v, once a row
            MatrixFlops += 2L * rows * d * width + 2L * rows * d * 3 * width;
        pool.For(c.Layout.Sequences, 1, (this, c), static (in (HostDevice device, ScoreContraction c) job, int from, int to, int thread) =>
        {
            for (var s = from; s < to; s++) job.device.ContractExample(job.c, s, thread);
        });
        long products = 0;
        for (var l = 0; l < c.Layers; l++)
        {
            var before = 1 + l * (heads + 1);
            products += (long)before * 3 * heads + before + (c.Parallel ? 0 : heads);
        }
        MatrixFlops += 2L * rows * d * (products + sources);
    }

    void ContractExample(ScoreContraction c, int s, int thread)
    {
        int heads = c.Heads, dh = c.HeadDim, d = c.InputDifference.Columns, width = heads * dh, keyWidth = width / c.Group;
        int sources = 1 + c.Layers * (heads + 1), columns = c.Layers * (3 * heads + 1) + 1;
        var delta = scratch.Reserve(thread, (long)(sources + 1) * d);
        var g = delta + (long)sources * d;
        var scores = c.Scores.Row(s);
        for (var row = c.Layout.Offsets[s]; row < c.Layout.Offsets[s + 1]; row++)
        {
            var last = row == c.Layout.Offsets[s + 1] - 1;
            Expand(c, row, delta);
            for (var l = 0; l < c.Layers; l++)
            {
                var before = 1 + l * (heads + 1);
                var transposed = ((HostWeights)c.QueryKeyValue[l]).Side(WeightSide.Transposed);
                for (var v = 0; v < 3 * heads; v++)
                {
                    int kind = v / heads, h = v % heads;
                    var start = kind == 0 ? h * dh : width + (kind - 1) * keyWidth + h / c.Group * dh;
                    var alpha = c.Alpha[l].Row(row) + v * dh;
                    new Span<float>(g, d).Clear();
                    for (var i = 0; i < dh; i++)
                        for (var j = 0; j < d; j++) g[j] += alpha[i] * transposed.Row(start + i)[j];
                    for (var j = 0; j < d; j++) g[j] *= c.NormScale[l].Row(0)[j];
                    for (var k = 0; k < c.Steps; k++)
                    {
                        var step = k * c.Layout.Rows + row;
                        var product = c.StepProducts[l].Row(step)[v];
                        for (var j = 0; j < d; j++) g[j] -= c.NormalizedInputs[l].Row(step)[j] * product;
                    }
                    Accumulate(delta, g, d, before, scores + l * (3 * heads + 1) + v, columns);
                }
                var mlp = c.MlpGradient[l];
                var beforeMlp = before + (c.Parallel ? 0 : heads);
                if (mlp.Rows == c.Layout.Rows) Accumulate(delta, mlp.Row(row), d, beforeMlp, scores + l * (3 * heads + 1) + 3 * heads, columns);
                else if (last) Accumulate(delta, mlp.Row(s), d, beforeMlp, scores + l * (3 * heads + 1) + 3 * heads, columns);
            }
            if (last) Accumulate(delta, c.LogitsGradient.Row(s), d, sources, scores + columns - 1, columns);
        }
    }

    static void Accumulate(float* delta, float* g, int d, int sources, float* column, int columns)
    {
        for (var u = 0; u < sources; u++)
        {
            float sum = 0;
            for (var j = 0; j < d; j++) sum += delta[(long)u * d + j] * g[j];
            column[(long)u * columns] += sum;
        }
    }

    static void Expand(ScoreContraction c, int row, float* delta)
    {
        int heads = c.Heads, dh = c.HeadDim, d = c.InputDifference.Columns;
        new Span<float>(c.InputDifference.Row(row), d).CopyTo(new Span<float>(delta, d));
        for (var l = 0; l < c.Layers; l++)
        {
            var output = ((HostWeights)c.Output[l]).Side(WeightSide.Forward);
            for (var h = 0; h <= heads; h++)
            {
                var z = delta + (long)(1 + l * (heads + 1) + h) * d;
                if (h == heads)
                {
                    new Span<float>(c.MlpDifference[l].Row(row), d).CopyTo(new Span<float>(z, d));
                    continue;
                }
                new Span<float>(z, d).Clear();
                for (var i = 0; i < dh; i++)
                    for (var j = 0; j < d; j++) z[j] += c.ContextDifference[l].Row(row)[h * dh + i] * output.Row(h * dh + i)[j];
            }
        }
        for (var u = 0; c.Centred && u < 1 + c.Layers * (heads + 1); u++)
        {
            float mean = 0;
            for (var j = 0; j < d; j++) mean += delta[(long)u * d + j] / d;
            for (var j = 0; j < d; j++) delta[(long)u * d + j] -= mean;
        }
    }
}
