using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Faith.Kernels.Host;

/// <summary>
/// A piece of a panel, [depth][32] of float32, laid out in a thread's cache just before it is multiplied with: a panel of Wᵀ, which is not
/// held in memory but is 32 rows of W, and of W where its numbers are not widened in the kernels. A number is written once for all
/// rows that it is multiplied with, so that this costs little but for few rows, while a second packed matrix would cost as much memory as the first.
/// </summary>
internal static unsafe class UnpackedPanel
{
    /// <summary>Floats that a piece takes: the numbers of up to 64 k come along that lie beside those wanted.</summary>
    public const int Floats = (MatrixKernels.MaxDepth + 2 * PackedMatrix.PanelColumns) * Pitch;

    const int Pitch = PackedMatrix.PanelColumns, Edge = 8; // of the blocks that are transposed in registers
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization, Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Rows [k, k + depth) of a panel of W or Wᵀ.</summary>
    /// <param name="w">The side.</param>
    /// <param name="panel">Number of the panel.</param>
    /// <param name="k">First row.</param>
    /// <param name="depth">Rows, at most <see cref="MatrixKernels.MaxDepth"/>.</param>
    /// <param name="memory"><see cref="Floats"/> floats.</param>
    public static float* Of(PackedSide w, int panel, int k, int depth, float* memory) => (w.Side, w.Matrix.Precision) switch
    {
        (WeightSide.Transposed, WeightPrecision.Float32) => Transpose<Singles>(w.Matrix, panel, k, depth, memory),
        (WeightSide.Transposed, WeightPrecision.BFloat16) => Transpose<Pairs<BFloat16Bits>>(w.Matrix, panel, k, depth, memory),
        (WeightSide.Transposed, _) => Transpose<Pairs<Float16Bits>>(w.Matrix, panel, k, depth, memory),
        _ => Widen<Float16Bits>(w.Matrix, panel, k, depth, memory),
    };

    /// <summary>What of a panel's piece in memory to bring along with tile <paramref name="part"/> of the piece before it.</summary>
    public static Ahead Ahead(PackedSide w, int panel, int k, int part, void* otherwise)
    {
        if (w.Side == WeightSide.Forward) return part > 0 ? new(otherwise) : new(w.Matrix.Panel(panel, k), 64);
        var lines = Pitch * (w.Matrix.IsHalf ? Pitch / 2 : Pitch) / 16;
        if (part * Host.Ahead.Lines >= lines) return new(otherwise);
        return new((byte*)w.Matrix.Panel(k / Pitch, panel * Pitch) + part * Host.Ahead.Lines * 64, 64, w.Matrix.PanelBytes - Host.Ahead.Lines * 64);
    }

    /// <summary>Floats that <see cref="Row"/> sets: those of whole panels.</summary>
    public static int RowFloats(PackedMatrix w) => w.Panels * Pitch;

    /// <summary>Row k of W.</summary>
    public static void Row(PackedMatrix w, int k, float* memory)
    {
        for (var panel = 0; panel < w.Panels; panel++, memory += Pitch)
        {
            if (w.Precision == WeightPrecision.Float32) new Span<float>(w.Panel(panel, k), Pitch).CopyTo(new Span<float>(memory, Pitch));
            else if (w.Precision == WeightPrecision.BFloat16) Widen<BFloat16Bits>(w, panel, k, 1, memory);
            else Widen<Float16Bits>(w, panel, k, 1, memory);
        }
    }

    [MethodImpl(Hot)]
    static float* Transpose<T>(PackedMatrix w, int panel, int k, int depth, float* memory) where T : IUnits
    {
        // Units of 32 bits: a number, or two whose columns lie a register apart.
        int ofUnit = T.Numbers, lanes = ofUnit == 1 ? Edge : w.Lanes, group = ofUnit * Math.Max(lanes, Edge), pitch = Pitch / ofUnit;
        int start = k / group * group, end = (k + depth + group - 1) / group * group;
        nint high = lanes * Pitch;
        for (var from = start; from < end;)
        {
            int column = from % Pitch, count = Math.Min(Pitch - column, end - from);
            var source = (float*)w.Panel(from / Pitch, panel * Pitch) + column / ofUnit;
            var target = memory + (nint)(from - start) * Pitch;
            for (var r = 0; r < Pitch; r += Edge, source += Edge * pitch)
            {
                for (var u = 0; u < count / ofUnit; u += Edge)
                {
                    TransposeBlock<T>(source + u, pitch, target + Column(u, lanes, ofUnit) * Pitch + r, target + Column(u + Edge / 2, lanes, ofUnit) * Pitch + r, high);
                }
            }
            from += count;
        }
        return memory + (nint)(k - start) * Pitch;
    }

    /// <summary>The column of the first number of a unit; registers have a power of two of <paramref name="lanes"/>.</summary>
    [MethodImpl(Inline)]
    static nint Column(int unit, int lanes, int ofUnit) => (unit & -lanes) * ofUnit + (unit & (lanes - 1));

    /// <summary>Eight times eight units: the first four columns become rows from one place on, the others from another.</summary>
    [MethodImpl(Inline)]
    static void TransposeBlock<T>(float* x, nint stride, float* first, float* second, nint high) where T : IUnits
    {
        if (!Avx.IsSupported)
        {
            for (var c = 0; c < Edge; c++)
            {
                var column = Vector256.Create(x[c], x[stride + c], x[2 * stride + c], x[3 * stride + c], x[4 * stride + c], x[5 * stride + c], x[6 * stride + c], x[7 * stride + c]);
                T.Store(column, (c < 4 ? first : second) + c % 4 * Pitch, high);
            }
            return;
        }
        TransposeHalf<T>(x, stride, first, high);
        TransposeHalf<T>(x + 4, stride, second, high);
    }

    /// <summary>Eight rows of four units: rows 0 to 3 in the lower halves of registers, 4 to 7 in the upper ones.</summary>
    [MethodImpl(Inline)]
    static void TransposeHalf<T>(float* x, nint stride, float* to, nint high) where T : IUnits
    {
        Vector256<float> a = Rows(x, stride), b = Rows(x + stride, stride), c = Rows(x + 2 * stride, stride), d = Rows(x + 3 * stride, stride);
        Vector256<double> ab = Avx.UnpackLow(a, b).AsDouble(), cd = Avx.UnpackLow(c, d).AsDouble(), ab2 = Avx.UnpackHigh(a, b).AsDouble(), cd2 = Avx.UnpackHigh(c, d).AsDouble();
        T.Store(Avx.UnpackLow(ab, cd).AsSingle(), to, high);
        T.Store(Avx.UnpackHigh(ab, cd).AsSingle(), to + Pitch, high);
        T.Store(Avx.UnpackLow(ab2, cd2).AsSingle(), to + 2 * Pitch, high);
        T.Store(Avx.UnpackHigh(ab2, cd2).AsSingle(), to + 3 * Pitch, high);
    }

    [MethodImpl(Inline)]
    static Vector256<float> Rows(float* x, nint stride) => Vector256.Create(Vector128.Load(x), Vector128.Load(x + 4 * stride));

    [MethodImpl(Hot)]
    static float* Widen<T>(PackedMatrix w, int panel, int k, int depth, float* memory) where T : IHalfBits
    {
        var lanes = w.Lanes;
        var source = (uint*)w.Panel(panel, k);
        var target = memory;
        for (var row = 0; row < depth; row++, target += Pitch, source += Pitch / 2)
            for (var u = 0; u < Pitch / 2; u += Edge)
            {
                var pairs = Vector256.Load(source + u);
                Vector256<float> low = T.Low(pairs), high = T.High(pairs);
                var first = target + Column(u, lanes, 2);
                if (lanes >= Edge)
                {
                    low.Store(first);
                    high.Store(first + lanes);
                    continue;
                }
                var second = target + Column(u + Edge / 2, lanes, 2);
                low.GetLower().Store(first);
                low.GetUpper().Store(second);
                high.GetLower().Store(first + lanes);
                high.GetUpper().Store(second + lanes);
            }
        return memory;
    }

    /// <summary>What 32 bits hold.</summary>
    interface IUnits
    {
        /// <summary>Numbers in a unit.</summary>
        static abstract int Numbers { get; }

        /// <summary>Stores eight of them; second numbers go to <paramref name="high"/> floats further on.</summary>
        static abstract void Store(Vector256<float> units, float* to, nint high);
    }

    readonly struct Singles : IUnits
    {
        public static int Numbers => 1;
        [MethodImpl(Inline)]
        public static void Store(Vector256<float> units, float* to, nint high) => units.Store(to);
    }

    readonly struct Pairs<T> : IUnits where T : IHalfBits
    {
        public static int Numbers => 2;
        [MethodImpl(Inline)]
        public static void Store(Vector256<float> units, float* to, nint high)
        {
            T.Low(units.AsUInt32()).Store(to);
            T.High(units.AsUInt32()).Store(to + high);
        }
    }
}
