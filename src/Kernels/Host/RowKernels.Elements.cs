using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>The row kernels on registers of type <typeparamref name="V"/>.</summary>
internal sealed unsafe partial class RowKernels<V> : RowKernels where V : unmanaged, ILanes<V>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>A function of up to two elements; the loops around it are written once.</summary>
    interface IMap
    {
        V Apply(V a, V b);
    }

    readonly struct AddScaledMap(float scale) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V x, V y) => V.MultiplyAdd(V.Of(scale), x, y);
    }

    readonly struct SubtractMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a - b;
    }

    readonly struct MultiplyMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a * b;
    }

    readonly struct InterpolateMap(float alpha) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V corrupted, V clean) => V.MultiplyAdd(V.Of(alpha), clean - corrupted, corrupted);
    }

    readonly struct ScaleMap(float scale) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => V.Of(scale) * a;
    }

    readonly struct AddMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a + b;
    }

    /// <summary>y[i] = f(a[i], b[i]); y may be a or b.</summary>
    [MethodImpl(Hot)]
    static void Map<F>(F f, float* a, float* b, float* y, long n) where F : struct, IMap
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) f.Apply(V.Load(a + i), V.Load(b + i)).Store(y + i);
        var rest = (int)(n - i);
        if (rest > 0) f.Apply(V.LoadFirst(a + i, rest, 0), V.LoadFirst(b + i, rest, 0)).StoreFirst(y + i, rest);
    }

    /// <summary>The same on rows; dense rows are one long row.</summary>
    static void Map<F>(F f, Tensor a, Tensor b, Tensor y, int from, int to) where F : struct, IMap
    {
        if (a.IsDense() && b.IsDense() && y.IsDense())
        {
            Map(f, a.Row(from), b.Row(from), y.Row(from), (long)(to - from) * y.Columns);
            return;
        }
        for (var r = from; r < to; r++) Map(f, a.Row(r), b.Row(r), y.Row(r), y.Columns);
    }

    public override void Fill(Tensor x, float value, int from, int to)
    {
        for (var r = from; r < to; r++) new Span<float>(x.Row(r), x.Columns).Fill(value);
    }

    public override void AddScaled(Tensor x, float scale, Tensor y, int from, int to) => Map(new AddScaledMap(scale), x, y, y, from, to);

    public override void AddScaledRows(Tensor x, Tensor factors, float scale, Tensor y, int from, int to)
    {
        for (var r = from; r < to; r++) Map(new AddScaledMap(scale * *factors.Row(r)), x.Row(r), y.Row(r), y.Row(r), x.Columns);
    }

    public override void Subtract(Tensor a, Tensor b, Tensor y, int from, int to) => Map(new SubtractMap(), a, b, y, from, to);

    public override void MultiplyElements(Tensor a, Tensor b, Tensor y, int from, int to) => Map(new MultiplyMap(), a, b, y, from, to);

    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y, int from, int to) =>
        Map(new InterpolateMap(alpha), corrupted, clean, y, from, to);

    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, int from, int to)
    {
        for (var r = from; r < to; r++)
        {
            var x = table.Row(rows.First()[r]);
            Map(new ScaleMap(scale), x, x, y.Row(r), y.Columns);
        }
    }

    public override void AddGatheredRows(Tensor table, Indices rows, Tensor y, int from, int to)
    {
        for (var r = from; r < to; r++) Map(new AddMap(), table.Row(rows.First()[r]), y.Row(r), y.Row(r), y.Columns);
    }

    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y, int from, int to)
    {
        for (var r = from; r < to; r++)
        {
            var target = y.Row(rows.First()[r]);
            Map(new AddMap(), x.Row(r), target, target, x.Columns);
        }
    }

    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y, int from, int to)
    {
        var groups = y.Columns / headDim;
        for (var r = from; r < to; r++)
            for (var g = 0; g < groups; g++)
            {
                float* first = x.Row(r) + (long)g * group * headDim, sum = y.Row(r) + (long)g * headDim;
                if (headDim == 1)
                {
                    *sum = Sum(first, group);
                    continue;
                }
                new Span<float>(first, headDim).CopyTo(new Span<float>(sum, headDim));
                for (var h = 1; h < group; h++) Map(new AddMap(), sum, first + (long)h * headDim, sum, headDim);
            }
    }

    public override void MixRow(in MixOperands o, int input, int row, float* x)
    {
        int rows = o.Baseline.Rows, d = o.Baseline.Columns;
        new Span<float>(o.Baseline.Row(row), d).CopyTo(new Span<float>(x, d));
        for (var j = o.SourceOffsets.First()[input]; j < o.SourceOffsets.First()[input + 1]; j++)
            Map(new AddMap(), x, (float*)o.Sources.Pointer + ((long)o.SourceList.First()[j] * rows + row) * d, x, d);
    }
}
