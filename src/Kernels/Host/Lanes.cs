using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Faith.Kernels.Host;

/// <summary>
/// A register of float32 lanes. The row kernels are written once over this interface and compiled for every width;
/// all members are inlined, so a kernel costs what it would cost written by hand.
/// </summary>
internal unsafe interface ILanes<T> where T : unmanaged, ILanes<T>
{
    /// <summary>Lanes of a register.</summary>
    static abstract int Count { get; }
    static abstract T Of(float value);
    static abstract T Load(float* from);
    /// <summary>Loads the first n &lt; Count lanes and touches no other memory; the rest get <paramref name="rest"/>.</summary>
    static abstract T LoadFirst(float* from, int n, float rest);
    /// <summary>The first n lanes of <paramref name="a"/>; the rest get <paramref name="rest"/>. n may be more than there are.</summary>
    static abstract T First(T a, int n, float rest);
    /// <summary>Loads half as many lanes, each into two neighbours.</summary>
    static abstract T LoadTwice(float* from);
    /// <summary>Two values in turn.</summary>
    static abstract T Alternating(float even, float odd);
    /// <summary>Lanes 2i and 2i + 1 exchanged.</summary>
    static abstract T SwapNeighbours(T a);
    void Store(float* to);
    /// <summary>Stores the first n &lt; Count lanes and touches no other memory.</summary>
    void StoreFirst(float* to, int n);
    static abstract T operator +(T a, T b);
    static abstract T operator -(T a, T b);
    static abstract T operator *(T a, T b);
    static abstract T operator /(T a, T b);
    /// <summary>a·b + c, rounded once where the machine can.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);
    /// <summary>The larger of two; NaN where <paramref name="b"/> is. Whether a NaN in <paramref name="a"/> counts depends on the machine.</summary>
    static abstract T Max(T a, T b);
    /// <summary>The smaller of two; NaN where <paramref name="b"/> is. Whether a NaN in <paramref name="a"/> counts depends on the machine.</summary>
    static abstract T Min(T a, T b);
    /// <summary><paramref name="then"/> where x &gt; 0, else, of NaN too, <paramref name="otherwise"/>.</summary>
    static abstract T IfPositive(T x, T then, T otherwise);
    /// <summary>The nearest integer.</summary>
    static abstract T Round(T a);
    /// <summary>a·2ⁿ for whole n in [−150, 128].</summary>
    static abstract T Scale(T a, T n);
    /// <summary>Sum of the lanes, halves first.</summary>
    float Sum();
    /// <summary>Largest lane.</summary>
    float Largest();
    /// <summary>Four sums at once, stored one after another; each is the sum that <see cref="Sum"/> gives but for its order.</summary>
    static abstract void Sums(T a, T b, T c, T d, float* sums);
}

/// <summary>Sixteen lanes: AVX-512.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> v) : ILanes<Lanes512>
{
    readonly Vector512<float> v = v;
    public static int Count => 16;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Of(float value) => new(Vector512.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* from) => new(Vector512.Load(from));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> First(int n) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(n)).AsSingle();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadFirst(float* from, int n, float rest) => new(Avx512F.MaskLoad(from, First(n), Vector512.Create(rest)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 First(Lanes512 a, int n, float rest) => new(Vector512.ConditionalSelect(First(n), a.v, Vector512.Create(rest)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadTwice(float* from) =>
        new(Avx512F.PermuteVar16x32(Vector256.Load(from).ToVector512Unsafe(), Vector512<int>.Indices >> 1));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Alternating(float even, float odd) => new(Avx512F.UnpackLow(Vector512.Create(even), Vector512.Create(odd)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SwapNeighbours(Lanes512 a) => new(Avx512F.Permute4x32(a.v, 0xB1));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => v.Store(to);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst(float* to, int n) => Avx512F.MaskStore(to, First(n), v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a.v + b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a.v - b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a.v * b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a.v / b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Avx512F.Max(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) => new(Avx512F.Min(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 IfPositive(Lanes512 x, Lanes512 then, Lanes512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(x.v, Vector512<float>.Zero), then.v, otherwise.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 a) => new(Avx512F.RoundScale(a.v, 0x08));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Scale(Lanes512 a, Lanes512 n) => new(Avx512F.Scale(a.v, n.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => new Lanes256(v.GetLower() + v.GetUpper()).Sum();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => new Lanes256(Avx.Max(v.GetLower(), v.GetUpper())).Largest();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sums(Lanes512 a, Lanes512 b, Lanes512 c, Lanes512 d, float* sums)
    {
        // Neighbours within 128 bits first, four sums together; then the four quarters.
        var ab = Avx512F.UnpackLow(a.v, b.v) + Avx512F.UnpackHigh(a.v, b.v);
        var cd = Avx512F.UnpackLow(c.v, d.v) + Avx512F.UnpackHigh(c.v, d.v);
        var all = Avx512F.Shuffle(ab, cd, 0x44) + Avx512F.Shuffle(ab, cd, 0xEE);
        var half = all.GetLower() + all.GetUpper();
        (half.GetLower() + half.GetUpper()).Store(sums);
    }
}

/// <summary>Eight lanes: AVX2 with FMA.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> v) : ILanes<Lanes256>
{
    readonly Vector256<float> v = v;
    public static int Count => 8;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Of(float value) => new(Vector256.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* from) => new(Vector256.Load(from));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> First(int n) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(n)).AsSingle();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadFirst(float* from, int n, float rest)
    {
        var mask = First(n);
        return new(Vector256.ConditionalSelect(mask, Avx.MaskLoad(from, mask), Vector256.Create(rest)));
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 First(Lanes256 a, int n, float rest) => new(Vector256.ConditionalSelect(First(n), a.v, Vector256.Create(rest)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadTwice(float* from) =>
        new(Avx2.PermuteVar8x32(Vector128.Load(from).ToVector256Unsafe(), Vector256<int>.Indices >> 1));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Alternating(float even, float odd) => new(Avx.UnpackLow(Vector256.Create(even), Vector256.Create(odd)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SwapNeighbours(Lanes256 a) => new(Avx.Permute(a.v, 0xB1));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => v.Store(to);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst(float* to, int n) => Avx.MaskStore(to, First(n), v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a.v + b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a.v - b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a.v * b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a.v / b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Fma.MultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Avx.Max(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) => new(Avx.Min(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 IfPositive(Lanes256 x, Lanes256 then, Lanes256 otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThan(x.v, Vector256<float>.Zero), then.v, otherwise.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 a) => new(Avx.RoundToNearestInteger(a.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Scale(Lanes256 a, Lanes256 n)
    {
        // Two factors, because 2ⁿ itself has no normal representation at the ends of the range.
        var whole = Vector256.ConvertToInt32(n.v);
        var half = whole >> 1;
        var bias = Vector256.Create(127);
        return new(a.v * ((half + bias) << 23).AsSingle() * ((whole - half + bias) << 23).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => new Lanes128(v.GetLower() + v.GetUpper()).Sum();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => new Lanes128(Vector128.Max(v.GetLower(), v.GetUpper())).Largest();
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sums(Lanes256 a, Lanes256 b, Lanes256 c, Lanes256 d, float* sums)
    {
        var ab = Avx.UnpackLow(a.v, b.v) + Avx.UnpackHigh(a.v, b.v);
        var cd = Avx.UnpackLow(c.v, d.v) + Avx.UnpackHigh(c.v, d.v);
        var all = Avx.Shuffle(ab, cd, 0x44) + Avx.Shuffle(ab, cd, 0xEE);
        (all.GetLower() + all.GetUpper()).Store(sums);
    }
}

/// <summary>Four lanes on any machine.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> v) : ILanes<Lanes128>
{
    readonly Vector128<float> v = v;
    public static int Count => 4;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Of(float value) => new(Vector128.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* from) => new(Vector128.Load(from));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadFirst(float* from, int n, float rest) =>
        new(Vector128.Create(n > 0 ? from[0] : rest, n > 1 ? from[1] : rest, n > 2 ? from[2] : rest, rest));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 First(Lanes128 a, int n, float rest) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(n)).AsSingle(), a.v, Vector128.Create(rest)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadTwice(float* from) => new(Vector128.Create(from[0], from[0], from[1], from[1]));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Alternating(float even, float odd) => new(Vector128.Create(even, odd, even, odd));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SwapNeighbours(Lanes128 a) => new(Vector128.Shuffle(a.v, Vector128.Create(1, 0, 3, 2)));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => v.Store(to);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst(float* to, int n)
    {
        for (var i = 0; i < n; i++) to[i] = v[i];
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a.v + b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a.v - b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a.v * b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a.v / b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => new(Vector128.Max(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) => new(Vector128.Min(a.v, b.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 IfPositive(Lanes128 x, Lanes128 then, Lanes128 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThan(x.v, Vector128<float>.Zero), then.v, otherwise.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 a) => new(Vector128.Round(a.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Scale(Lanes128 a, Lanes128 n)
    {
        var whole = Vector128.ConvertToInt32(n.v);
        var half = whole >> 1;
        var bias = Vector128.Create(127);
        return new(a.v * ((half + bias) << 23).AsSingle() * ((whole - half + bias) << 23).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => v[0] + v[2] + (v[1] + v[3]);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => MathF.Max(MathF.Max(v[0], v[2]), MathF.Max(v[1], v[3]));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sums(Lanes128 a, Lanes128 b, Lanes128 c, Lanes128 d, float* sums) =>
        (sums[0], sums[1], sums[2], sums[3]) = (a.Sum(), b.Sum(), c.Sum(), d.Sum());
}
