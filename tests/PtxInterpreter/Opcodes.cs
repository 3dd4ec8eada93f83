using System.Runtime.Intrinsics;

namespace Faith.PtxInterpreter;

/// <summary>An instruction's implementation and its operands: d a 32-bit register, q a 64-bit one, p a predicate.</summary>
public sealed record Opcode(string Operands, Execute Execute, bool IsShift = false, bool IsShuffle = false);

/// <summary>The table of all instructions but loads, stores and control flow. Only what the kernels use is here.</summary>
public static class Opcodes
{
    private static readonly Dictionary<string, Opcode> Table = Build();

    /// <summary>The entry of an instruction, or null where it is unknown.</summary>
    public static Opcode? Find(string opcode) => Table.GetValueOrDefault(opcode);

    private static unsafe Dictionary<string, Opcode> Build()
    {
        var table = new Dictionary<string, Opcode>();
        void Add(string names, string operands, Execute execute)
        {
            foreach (var name in names.Split(' '))
                table.Add(name, new(operands, execute, IsShift: name.StartsWith("sh", StringComparison.Ordinal) && !name.StartsWith("shf", StringComparison.Ordinal),
                    IsShuffle: name.StartsWith("shfl", StringComparison.Ordinal)));
        }

        Add("mov.u32 mov.s32 mov.b32 mov.f32", "dd", Lanes.Unary<uint, Same<uint>>);
        Add("mov.u64 mov.s64 mov.b64 cvta.to.global.u64 cvta.global.u64", "qq", Lanes.Unary<ulong, Same<ulong>>);
        Add("mov.pred", "pp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A]));

        Add("add.s32 add.u32", "ddd", Lanes.Binary<int, Add<int>>);
        Add("add.s64 add.u64", "qqq", Lanes.Binary<long, Add<long>>);
        Add("sub.s32 sub.u32", "ddd", Lanes.Binary<int, Subtract<int>>);
        Add("sub.s64 sub.u64", "qqq", Lanes.Binary<long, Subtract<long>>);
        Add("mul.lo.s32 mul.lo.u32", "ddd", Lanes.Binary<int, Multiply<int>>);
        Add("mul.lo.s64 mul.lo.u64", "qqq", Lanes.Binary<long, Multiply<long>>);
        Add("mad.lo.s32 mad.lo.u32", "dddd", Lanes.Ternary<int, MultiplyAdd<int>>);
        Add("mad.lo.s64 mad.lo.u64", "qqqq", Lanes.Ternary<long, MultiplyAdd<long>>);
        Add("mul.wide.s32", "qdd", (i, w) => Lanes.MultiplyWide(i, w, signed: true, add: false));
        Add("mul.wide.u32", "qdd", (i, w) => Lanes.MultiplyWide(i, w, signed: false, add: false));
        Add("mad.wide.s32", "qddq", (i, w) => Lanes.MultiplyWide(i, w, signed: true, add: true));
        Add("mad.wide.u32", "qddq", (i, w) => Lanes.MultiplyWide(i, w, signed: false, add: true));
        Add("div.s32", "ddd", Lanes.Scalar<int, int, Divide>);
        Add("rem.s32", "ddd", Lanes.Scalar<int, int, Remainder>);
        Add("div.u32", "ddd", Lanes.Scalar<uint, uint, Divide>);
        Add("rem.u32", "ddd", Lanes.Scalar<uint, uint, Remainder>);
        Add("neg.s32", "dd", Lanes.Unary<int, Negate<int>>);
        Add("neg.s64", "qq", Lanes.Unary<long, Negate<long>>);
        Add("min.s32", "ddd", Lanes.Binary<int, Minimum<int>>);
        Add("max.s32", "ddd", Lanes.Binary<int, Maximum<int>>);
        Add("min.u32", "ddd", Lanes.Binary<uint, Minimum<uint>>);
        Add("max.u32", "ddd", Lanes.Binary<uint, Maximum<uint>>);
        Add("and.b32", "ddd", Lanes.Binary<uint, And<uint>>);
        Add("and.b64", "qqq", Lanes.Binary<ulong, And<ulong>>);
        Add("or.b32", "ddd", Lanes.Binary<uint, Or<uint>>);
        Add("or.b64", "qqq", Lanes.Binary<ulong, Or<ulong>>);
        Add("xor.b32", "ddd", Lanes.Binary<uint, Xor<uint>>);
        Add("xor.b64", "qqq", Lanes.Binary<ulong, Xor<ulong>>);
        Add("not.b32", "dd", Lanes.Unary<uint, Not<uint>>);
        Add("not.b64", "qq", Lanes.Unary<ulong, Not<ulong>>);
        Add("shl.b32", "ddd", Lanes.Shift<uint, ShiftLeft>);
        Add("shl.b64", "qqd", Lanes.Shift<ulong, ShiftLeft>);
        Add("shr.u32 shr.b32", "ddd", Lanes.Shift<uint, ShiftRight>);
        Add("shr.u64 shr.b64", "qqd", Lanes.Shift<ulong, ShiftRight>);
        Add("shr.s32", "ddd", Lanes.Shift<int, ShiftRight>);
        Add("shr.s64", "qqd", Lanes.Shift<long, ShiftRight>);

        Add("and.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] & w.Predicates[i.B]));
        Add("or.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] | w.Predicates[i.B]));
        Add("xor.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] ^ w.Predicates[i.B]));
        Add("not.pred", "pp", (i, w) => w.SetPredicate(i.D, ~w.Predicates[i.A]));
        Add("selp.b32 selp.u32 selp.s32 selp.f32", "dddp", Lanes.Select<uint>);
        Add("selp.b64 selp.u64 selp.s64", "qqqp", Lanes.Select<ulong>);

        Add("add.f32 add.rn.f32", "ddd", Lanes.Binary<float, Add<float>>);
        Add("sub.f32 sub.rn.f32", "ddd", Lanes.Binary<float, Subtract<float>>);
        Add("mul.f32 mul.rn.f32", "ddd", Lanes.Binary<float, Multiply<float>>);
        Add("fma.rn.f32", "dddd", Lanes.Ternary<float, FusedMultiplyAdd>);
        Add("div.rn.f32", "ddd", Lanes.Binary<float, DivideFloat>);
        Add("rcp.rn.f32", "dd", Lanes.Unary<float, Reciprocal>);
        Add("sqrt.rn.f32", "dd", Lanes.Unary<float, SquareRoot>);
        Add("neg.f32", "dd", Lanes.Unary<float, Negate<float>>);
        Add("abs.f32", "dd", Lanes.Unary<float, Absolute>);
        Add("min.f32", "ddd", Lanes.Binary<float, MinimumNumber>);
        Add("max.f32", "ddd", Lanes.Binary<float, MaximumNumber>);
        // Unlike the plain ones, these give NaN where an operand is NaN.
        Add("min.NaN.f32", "ddd", Lanes.Binary<float, Minimum<float>>);
        Add("max.NaN.f32", "ddd", Lanes.Binary<float, Maximum<float>>);
        Add("ex2.approx.ftz.f32", "dd", Lanes.Scalar<float, float, ExponentialBase2>);

        Add("cvt.s64.s32", "qd", Lanes.Scalar<int, long, Widen>);
        Add("cvt.s64.lower", "qq", Lanes.Scalar<long, long, Lower>);
        Add("cvt.u64.u32", "qd", Lanes.Scalar<uint, ulong, Widen>);
        Add("cvt.u32.u64", "dq", Lanes.Scalar<ulong, uint, Widen>);
        Add("cvt.rn.f32.s32", "dd", Lanes.Scalar<int, float, ToFloat>);
        Add("cvt.rn.f32.u32", "dd", Lanes.Scalar<uint, float, ToFloat>);
        Add("cvt.rzi.s32.f32", "dd", Lanes.Scalar<float, int, Truncate>);
        Add("cvt.rmi.f32.f32", "dd", Lanes.Unary<float, Floor>);

        Add("shfl.sync.bfly.b32", "ddd", (i, w) => Lanes.Shuffle(i, w, butterfly: true));
        Add("shfl.sync.idx.b32", "ddd", (i, w) => Lanes.Shuffle(i, w, butterfly: false));

        foreach (var type in (string[])["s32", "b32"])
            AddComparisons<int>(type, "pdd");
        foreach (var type in (string[])["s64", "b64"])
            AddComparisons<long>(type, "pqq");
        AddComparisons<uint>("u32", "pdd");
        AddComparisons<ulong>("u64", "pqq");
        AddComparisons<float>("f32", "pdd");
        // Ordered "not equal", and the comparisons that also hold where an operand is not a number.
        table["setp.ne.f32"] = new("pdd", Lanes.Compare<float, NotEqualOrdered>);
        Add("setp.neu.f32", "pdd", Lanes.Compare<float, NotEqual<float>>);
        Add("setp.equ.f32", "pdd", Lanes.Compare<float, EqualUnordered>);
        Add("setp.ltu.f32", "pdd", Lanes.Compare<float, Not2<GreaterEqual<float>>>);
        Add("setp.leu.f32", "pdd", Lanes.Compare<float, Not2<Greater<float>>>);
        Add("setp.gtu.f32", "pdd", Lanes.Compare<float, Not2<LessEqual<float>>>);
        Add("setp.geu.f32", "pdd", Lanes.Compare<float, Not2<Less<float>>>);
        return table;

        void AddComparisons<T>(string type, string operands) where T : unmanaged
        {
            Add("setp.eq." + type, operands, Lanes.Compare<T, Equal<T>>);
            Add("setp.ne." + type, operands, Lanes.Compare<T, NotEqual<T>>);
            Add("setp.lt." + type, operands, Lanes.Compare<T, Less<T>>);
            Add("setp.le." + type, operands, Lanes.Compare<T, LessEqual<T>>);
            Add("setp.gt." + type, operands, Lanes.Compare<T, Greater<T>>);
            Add("setp.ge." + type, operands, Lanes.Compare<T, GreaterEqual<T>>);
        }
    }
}

internal struct Same<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => a; }
internal struct Negate<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => -a; }
internal struct Not<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => ~a; }
internal struct Absolute : IUnary<float> { public static Vector256<float> Apply(Vector256<float> a) => Vector256.Abs(a); }
internal struct Floor : IUnary<float> { public static Vector256<float> Apply(Vector256<float> a) => Vector256.Floor(a); }
internal struct SquareRoot : IUnary<float> { public static Vector256<float> Apply(Vector256<float> a) => Vector256.Sqrt(a); }
internal struct Reciprocal : IUnary<float> { public static Vector256<float> Apply(Vector256<float> a) => Vector256<float>.One / a; }

internal struct Add<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a + b; }
internal struct Subtract<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a - b; }
internal struct Multiply<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a * b; }
internal struct Minimum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b); }
internal struct Maximum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b); }
internal struct And<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a & b; }
internal struct Or<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a | b; }
internal struct Xor<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a ^ b; }
internal struct DivideFloat : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => a / b; }
internal struct MinimumNumber : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => Vector256.MinNumber(a, b); }
internal struct MaximumNumber : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => Vector256.MaxNumber(a, b); }

internal struct Equal<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b); }
internal struct NotEqual<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => ~Vector256.Equals(a, b); }
internal struct Less<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b); }
internal struct LessEqual<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b); }
internal struct Greater<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThan(a, b); }
internal struct GreaterEqual<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThanOrEqual(a, b); }
internal struct Not2<TOp> : IBinary<float> where TOp : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => ~TOp.Apply(a, b); }
internal struct NotEqualOrdered : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b); }
internal struct EqualUnordered : IBinary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => ~(Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b)); }

internal struct MultiplyAdd<T> : ITernary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b, Vector256<T> c) => a * b + c; }
internal struct FusedMultiplyAdd : ITernary<float> { public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c); }

internal struct ShiftLeft : IShift<uint>, IShift<ulong>
{
    public static Vector256<uint> Apply(Vector256<uint> a, int count) => a << count;
    public static Vector256<ulong> Apply(Vector256<ulong> a, int count) => a << count;
    public static uint Apply(uint a, uint count) => count > 31 ? 0 : a << (int)count;
    public static ulong Apply(ulong a, uint count) => count > 63 ? 0 : a << (int)count;
}

internal struct ShiftRight : IShift<uint>, IShift<ulong>, IShift<int>, IShift<long>
{
    public static Vector256<uint> Apply(Vector256<uint> a, int count) => a >> count;
    public static Vector256<ulong> Apply(Vector256<ulong> a, int count) => a >> count;
    public static Vector256<int> Apply(Vector256<int> a, int count) => a >> count;
    // There is no vector instruction for this one, and Vector256 shifts element by element.
    public static Vector256<long> Apply(Vector256<long> a, int count) => a >> count;
    public static uint Apply(uint a, uint count) => count > 31 ? 0 : a >> (int)count;
    public static ulong Apply(ulong a, uint count) => count > 63 ? 0 : a >> (int)count;
    public static int Apply(int a, uint count) => a >> (int)Math.Min(count, 31);
    public static long Apply(long a, uint count) => a >> (int)Math.Min(count, 63);
}

// Division by zero is undefined in PTX; here it is a failure like any other.
internal struct Divide : IScalar<int, int>, IScalar<uint, uint>
{
    public static int Apply(int a, int b) => a / b;
    public static uint Apply(uint a, uint b) => a / b;
}

internal struct Remainder : IScalar<int, int>, IScalar<uint, uint>
{
    public static int Apply(int a, int b) => a % b;
    public static uint Apply(uint a, uint b) => a % b;
}

internal struct Widen : IScalar<int, long>, IScalar<uint, ulong>, IScalar<ulong, uint>
{
    public static long Apply(int a, int b) => a;
    public static ulong Apply(uint a, uint b) => a;
    public static uint Apply(ulong a, ulong b) => (uint)a;
}

internal struct Lower : IScalar<long, long>
{
    public static long Apply(long a, long b) => (int)a;
}

internal struct ToFloat : IScalar<int, float>, IScalar<uint, float>
{
    public static float Apply(int a, int b) => a;
    public static float Apply(uint a, uint b) => a;
}

internal struct Truncate : IScalar<float, int>
{
    public static int Apply(float a, float b) => float.IsNaN(a) ? 0 : a >= int.MaxValue ? int.MaxValue : a <= int.MinValue ? int.MinValue : (int)a;
}

/// <summary>
/// 2^a as a GPU may give it: the PTX reference bounds the relative error by 2^-22, and hardware is somewhere within. Here the
/// result is off by nearly all of it, up or down by the last bit of a, so that the tests' tolerances hold for any GPU.
/// </summary>
internal struct ExponentialBase2 : IScalar<float, float>
{
    public static float Apply(float a, float b)
    {
        if (a == 0 || !float.IsFinite(a))
            return a == 0 ? 1 : float.IsNegativeInfinity(a) ? 0 : a;
        var off = 0.9 / (1 << 22) * ((BitConverter.SingleToInt32Bits(a) & 1) == 0 ? 1 : -1);
        var result = (float)(Math.Exp(a * 0.69314718055994530942) * (1 + off));
        return result < 1.17549435e-38f ? 0 : result;
    }
}
