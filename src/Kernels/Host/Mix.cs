using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>The part of a <see cref="NormedMix"/> before the norm.</summary>
internal readonly record struct MixOperands(RawTensor Baseline, RawTensor Sources, RawIndices SourceOffsets, RawIndices SourceList);

public sealed unsafe partial class HostDevice
{
    /// <summary>Rows of an input that a thread mixes, norms and multiplies while they are in its cache.</summary>
    const int MixedBlock = 56;

    /// <inheritdoc/>
    public override void Mix(in NormedMix mix, Tensor y)
    {
        RequireRows(y.Rows, mix.Inputs * mix.Baseline.Rows);
        RequireColumns(y.Columns, mix.Baseline.Columns);
        Rows(mix.Baseline.Rows, (long)mix.Inputs * mix.Baseline.Columns, (mix, y), static (k, in o, from, to) =>
        {
            for (var row = from; row < to; row++)
                for (var input = 0; input < o.mix.Inputs; input++) Mix(k, o.mix, input, row, 1, o.y.RowRange(input * o.mix.Baseline.Rows + row, 1));
        });
    }

    /// <summary>
    /// The same as mixing, norming and multiplying one after the other, but in blocks of rows that never leave the cache: packing
    /// the input of a single head costs as much as multiplying it.
    /// </summary>
    public override void MultiplyMixed(in NormedMix mix, Weights weights, MixedProduct[] products, Tensor work)
    {
        ArgumentNullException.ThrowIfNull(products);
        var w = ((HostWeights)weights).Side(WeightSide.Forward);
        RequireColumns(mix.Baseline.Columns, w.Depth);
        var starts = new int[mix.Inputs + 1];
        foreach (var p in products)
        {
            RequireRows(p.Y.Rows, mix.Baseline.Rows);
            if (p.FirstColumn < 0 || p.FirstColumn > w.Columns - p.Y.Columns) throw new ArgumentException($"MultiplyMixed: columns {p.FirstColumn}+{p.Y.Columns} of {w.Columns}.");
            if (!p.Bias.IsNone) RequireColumns(p.Bias.Columns, p.Y.Columns);
            starts[p.Input + 1]++;
            MatrixFlops += 2L * p.Y.Rows * p.Y.Columns * w.Depth;
        }
        for (var i = 0; i < mix.Inputs; i++) starts[i + 1] += starts[i];
        // Input by input within a block of rows, so that sources which several inputs read are read from the cache.
        var blocks = (mix.Baseline.Rows + MixedBlock - 1) / MixedBlock;
        pool.For(blocks * mix.Inputs, 1, (device: this, mix, w, products, starts, blocks),
            static (in (HostDevice device, NormedMix mix, PackedSide w, MixedProduct[] products, int[] starts, int blocks) job, int from, int to, int thread) =>
            {
                for (var unit = from; unit < to; unit++)
                {
                    var (block, input) = Math.DivRem(unit, job.mix.Inputs);
                    int rows = job.mix.Baseline.Rows, first = (int)((long)block * rows / job.blocks), count = (int)((block + 1L) * rows / job.blocks) - first;
                    job.device.MultiplyMixed(job.mix, job.w, input, first, count, job.products.AsSpan(job.starts[input]..job.starts[input + 1]), thread);
                }
            });
        GC.KeepAlive(weights);
    }

    void MultiplyMixed(in NormedMix mix, PackedSide w, int input, int firstRow, int rows, ReadOnlySpan<MixedProduct> products, int thread)
    {
        var size = (long)rows * w.Depth;
        var memory = scratch.Reserve(thread, 2 * size + matrices.ScratchFloats);
        float* packed = memory + size, edge = packed + size;
        var x = new RawTensor((nint)memory, rows, w.Depth);
        Mix(kernels, mix, input, firstRow, rows, x);
        var tiling = matrices.Split(rows);
        MatrixKernels.PackRows(x, tiling, packed, 0, tiling.Tiles);
        foreach (var p in products)
        {
            var product = new MatrixKernels.Product(w, tiling, (nint)packed, w.Depth, 0, p.FirstColumn, p.Y.RowRange(firstRow, rows), ((RawTensor)p.Bias).Pointer, false);
            matrices.Multiply(product, 0, tiling.Tiles, 0, product.Panels, edge);
        }
    }

    static void Mix(RowKernels kernels, in NormedMix mix, int input, int firstRow, int rows, RawTensor y)
    {
        var operands = new MixOperands(mix.Baseline, mix.Sources, mix.SourceOffsets, mix.SourceList);
        for (var r = 0; r < rows; r++) kernels.MixRow(operands, input, firstRow + r, y.Row(r));
        if (!mix.Scale.IsNone) kernels.NormForward(new NormOperands(y, mix.Scale, mix.Shift, mix.Epsilon, mix.Centred, y, default, default), 0, rows);
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void MixRow(in MixOperands o, int input, int row, float* x)
    {
        int rows = o.Baseline.Rows, d = o.Baseline.Columns, first = o.SourceOffsets.First()[input], end = o.SourceOffsets.First()[input + 1];
        var list = o.SourceList.First();
        float* baseline = o.Baseline.Row(row), sources = (float*)o.Sources.Pointer + (long)row * d;
        var step = (long)rows * d;
        var i = 0;
        // Registers at a time, so that the row is written once, whatever the number of sources.
        for (; i <= d - 4 * V.Count; i += 4 * V.Count)
        {
            V a = V.Load(baseline + i), b = V.Load(baseline + i + V.Count), c = V.Load(baseline + i + 2 * V.Count), e = V.Load(baseline + i + 3 * V.Count);
            for (var j = first; j < end; j++)
            {
                var source = sources + list[j] * step + i;
                a += V.Load(source);
                b += V.Load(source + V.Count);
                c += V.Load(source + 2 * V.Count);
                e += V.Load(source + 3 * V.Count);
            }
            a.Store(x + i);
            b.Store(x + i + V.Count);
            c.Store(x + i + 2 * V.Count);
            e.Store(x + i + 3 * V.Count);
        }
        for (; i < d; i += V.Count)
        {
            var sum = Part(baseline, i, d);
            for (var j = first; j < end; j++) sum += Part(sources + list[j] * step, i, d);
            if (d - i >= V.Count) sum.Store(x + i);
            else sum.StoreFirst(x + i, d - i);
        }
    }
}
