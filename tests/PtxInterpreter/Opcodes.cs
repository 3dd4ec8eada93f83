using System.Numerics;

namespace Faith.PtxInterpreter;

/// <summary>An instruction's implementation and its operands: d a 32-bit register, q a 64-bit one, p a predicate. Those of a <see cref="WarpProduct"/> are lists.</summary>
public sealed record Opcode(string Operands, Execute Execute, bool IsShift = false, bool IsShuffle = false, bool IsMultiply = false);

/// <summary>The table of all instructions but loads, stores and control flow. It holds what compilers make of the kernels, not all of PTX.</summary>
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
                table.Add(name, new(operands, execute, IsShift: name.Split('.')[0] is "shl" or "shr", IsShuffle: name.Split('.')[0] == "shfl"));
        }

        Add("mov.u32 mov.s32 mov.b32 mov.f32 mov.b16 mov.u16 mov.s16", "dd", Lanes.Unary<uint, Same<uint>>);
        Add("mov.u64 mov.s64 mov.b64 mov.f64 cvta.to.global.u64 cvta.global.u64", "qq", Lanes.Unary<ulong, Same<ulong>>);
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
        Add("div.s64", "qqq", Lanes.Scalar<long, long, Divide>);
        Add("rem.s64", "qqq", Lanes.Scalar<long, long, Remainder>);
        Add("div.u64", "qqq", Lanes.Scalar<ulong, ulong, Divide>);
        Add("rem.u64", "qqq", Lanes.Scalar<ulong, ulong, Remainder>);
        Add("abs.s32", "dd", Lanes.Unary<int, Absolute<int>>);
        Add("abs.s64", "qq", Lanes.Unary<long, Absolute<long>>);
        Add("popc.b32", "dd", Lanes.Scalar<uint, uint, CountBits>);
        Add("popc.b64", "dq", Lanes.Scalar<ulong, uint, CountBits>);
        Add("clz.b32", "dd", Lanes.Scalar<uint, uint, LeadingZeros>);
        Add("clz.b64", "dq", Lanes.Scalar<ulong, uint, LeadingZeros>);
        Add("neg.s32", "dd", Lanes.Unary<int, Negate<int>>);
        Add("neg.s64", "qq", Lanes.Unary<long, Negate<long>>);
        Add("min.s32", "ddd", Lanes.Binary<int, Minimum<int>>);
        Add("max.s32", "ddd", Lanes.Binary<int, Maximum<int>>);
        Add("min.u32", "ddd", Lanes.Binary<uint, Minimum<uint>>);
        Add("max.u32", "ddd", Lanes.Binary<uint, Maximum<uint>>);
        Add("min.s64", "qqq", Lanes.Binary<long, Minimum<long>>);
        Add("max.s64", "qqq", Lanes.Binary<long, Maximum<long>>);
        Add("min.u64", "qqq", Lanes.Binary<ulong, Minimum<ulong>>);
        Add("max.u64", "qqq", Lanes.Binary<ulong, Maximum<ulong>>);
        Add("and.b32", "ddd", Lanes.Binary<uint, And<uint>>);
        Add("and.b64", "qqq", Lanes.Binary<ulong, And<ulong>>);
        Add("or.b32", "ddd", Lanes.Binary<uint, Or<uint>>);
        Add("or.b64", "qqq", Lanes.Binary<ulong, Or<ulong>>);
        Add("xor.b32", "ddd", Lanes.Binary<uint, Xor<uint>>);
        Add("xor.b64", "qqq", Lanes.Binary<ulong, Xor<ulong>>);
        Add("not.b32", "dd", Lanes.Unary<uint, Not<uint>>);
        Add("not.b64", "qq", Lanes.Unary<ulong, Not<ulong>>);
        Add("bfe.u32", "dddd", Lanes.Ternary<uint, ExtractBits>);
        Add("shl.b32", "ddd", Lanes.Shift<uint, ShiftLeft>);
        Add("shl.b64", "qqd", Lanes.Shift<ulong, ShiftLeft>);
        Add("shr.u32 shr.b32", "ddd", Lanes.Shift<uint, ShiftRight>);
        Add("shr.u64 shr.b64", "qqd", Lanes.Shift<ulong, ShiftRight>);
        Add("shr.s32", "ddd", Lanes.ShiftSigned<int, ShiftRight>);
        Add("shr.s64", "qqd", Lanes.ShiftSigned<long, ShiftRight>);

        Add("and.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] & w.Predicates[i.B]));
        Add("or.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] | w.Predicates[i.B]));
        Add("xor.pred", "ppp", (i, w) => w.SetPredicate(i.D, w.Predicates[i.A] ^ w.Predicates[i.B]));
        Add("not.pred", "pp", (i, w) => w.SetPredicate(i.D, ~w.Predicates[i.A]));
        Add("selp.b32 selp.u32 selp.s32 selp.f32 selp.b16", "dddp", Lanes.Select<uint>);
        Add("selp.b64 selp.u64 selp.s64 selp.f64", "qqqp", Lanes.Select<ulong>);

        AddFloats<float>("f32", 'd');
        AddFloats<double>("f64", 'q');
        Add("fma.rn.f32", "dddd", Lanes.Ternary<float, FusedMultiplyAdd>);
        Add("fma.rn.f64", "qqqq", Lanes.Ternary<double, FusedMultiplyAdd>);
        // Unlike the plain ones, these give NaN where an operand is NaN.
        Add("min.NaN.f32", "ddd", Lanes.Binary<float, Minimum<float>>);
        Add("max.NaN.f32", "ddd", Lanes.Binary<float, Maximum<float>>);
        Add("ex2.approx.ftz.f32", "dd", Lanes.Scalar<float, float, ExponentialBase2<Flushed>>);
        Add("ex2.approx.f32", "dd", Lanes.Scalar<float, float, ExponentialBase2<Kept>>);

        // A 16-bit register is the lower half of a 32-bit one here, whose upper half means nothing.
        AddConversionsFrom<sbyte>("s8", 'd');
        AddConversionsFrom<byte>("u8", 'd');
        AddConversionsFrom<short>("s16", 'd');
        AddConversionsFrom<ushort>("u16", 'd');
        AddConversionsFrom<int>("s32", 'd');
        AddConversionsFrom<uint>("u32", 'd');
        AddConversionsFrom<long>("s64", 'q');
        AddConversionsFrom<ulong>("u64", 'q');
        Add("cvt.s64.lower", "qq", Lanes.Scalar<long, long, Lower>);
        Add("cvt.f64.f32", "qd", Lanes.Scalar<float, double, Number<float, double>>);
        Add("cvt.rn.f32.f64", "dq", Lanes.Scalar<double, float, Number<double, float>>);
        Add("cvt.f32.f16", "dd", Lanes.Scalar<uint, float, HalfToFloat>);
        Add("cvt.rn.f16.f32", "dd", Lanes.Scalar<float, uint, FloatToHalf>);
        Add("cvt.rn.bf16x2.f32", "ddd", Lanes.Scalar<float, uint, FloatsToBrains>);

        // A whole warp's work, whose operands are lists of registers.
        table.Add("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", new("", WarpProduct.MultiplyBrain, IsMultiply: true));
        table.Add("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", new("", WarpProduct.MultiplyTf32, IsMultiply: true));

        foreach (var kind in Enum.GetValues<ShuffleKind>())
            Add($"shfl.sync.{kind.ToString().ToLowerInvariant()}.b32", "ddd", (i, w) => Lanes.Shuffle(i, w, kind));

        foreach (var type in (string[])["s32", "b32"])
            AddComparisons<int>(type, "pdd");
        foreach (var type in (string[])["s64", "b64"])
            AddComparisons<long>(type, "pqq");
        AddComparisons<uint>("u32", "pdd");
        AddComparisons<ulong>("u64", "pqq");
        AddComparisons<float>("f32", "pdd");
        AddComparisons<double>("f64", "pqq");
        AddUnordered<float>("f32", "pdd");
        AddUnordered<double>("f64", "pqq");
        // Unsigned comparisons have names of their own besides.
        foreach (var (name, same) in ((string, string)[])[("lo", "lt"), ("ls", "le"), ("hi", "gt"), ("hs", "ge")])
            foreach (var type in (string[])["u32", "u64"])
                table.Add($"setp.{name}.{type}", table[$"setp.{same}.{type}"]);
        Add("setp.ge.or.s32", "pddp", (i, w) =>
        {
            var or = w.Predicates[i.C];
            Lanes.Compare<int, GreaterEqual<int>>(i, w);
            w.SetPredicate(i.D, w.Predicates[i.D] | or);
        });
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

        // Ordered "not equal", and the comparisons that also hold where an operand is not a number.
        void AddUnordered<T>(string type, string operands) where T : unmanaged
        {
            table["setp.ne." + type] = new(operands, Lanes.Compare<T, NotEqualOrdered<T>>);
            Add("setp.neu." + type, operands, Lanes.Compare<T, NotEqual<T>>);
            Add("setp.equ." + type, operands, Lanes.Compare<T, EqualUnordered<T>>);
            Add("setp.ltu." + type, operands, Lanes.Compare<T, Negated<T, GreaterEqual<T>>>);
            Add("setp.leu." + type, operands, Lanes.Compare<T, Negated<T, Greater<T>>>);
            Add("setp.gtu." + type, operands, Lanes.Compare<T, Negated<T, LessEqual<T>>>);
            Add("setp.geu." + type, operands, Lanes.Compare<T, Negated<T, Less<T>>>);
        }

        void AddFloats<T>(string type, char kind) where T : unmanaged, IFloatingPointIeee754<T>
        {
            string one = new(kind, 2), two = new(kind, 3);
            Add($"add.{type} add.rn.{type}", two, Lanes.Binary<T, Add<T>>);
            Add($"sub.{type} sub.rn.{type}", two, Lanes.Binary<T, Subtract<T>>);
            Add($"mul.{type} mul.rn.{type}", two, Lanes.Binary<T, Multiply<T>>);
            Add("div.rn." + type, two, Lanes.Binary<T, DivideFloat<T>>);
            Add("rcp.rn." + type, one, Lanes.Unary<T, Reciprocal<T>>);
            Add("sqrt.rn." + type, one, Lanes.Unary<T, SquareRoot<T>>);
            Add("neg." + type, one, Lanes.Unary<T, Negate<T>>);
            Add("abs." + type, one, Lanes.Unary<T, Absolute<T>>);
            Add("min." + type, two, Lanes.Binary<T, MinimumNumber<T>>);
            Add("max." + type, two, Lanes.Binary<T, MaximumNumber<T>>);
            Add("copysign." + type, two, Lanes.Binary<T, CopySign<T>>);
            Add("testp.notanumber." + type, "p" + kind, Lanes.Test<T, IsNotANumber<T>>);
            Add("testp.infinite." + type, "p" + kind, Lanes.Test<T, IsInfinite<T>>);
            Add("testp.finite." + type, "p" + kind, Lanes.Test<T, IsFinite<T>>);
            Add($"cvt.rmi.{type}.{type}", one, Lanes.Scalar<T, T, Floor<T>>);
            Add($"cvt.rpi.{type}.{type}", one, Lanes.Scalar<T, T, Ceiling<T>>);
            Add($"cvt.rzi.{type}.{type}", one, Lanes.Scalar<T, T, TowardsZero<T>>);
            Add($"cvt.rni.{type}.{type}", one, Lanes.Scalar<T, T, Nearest<T>>);
        }

        void AddConversionsFrom<TFrom>(string from, char kind) where TFrom : unmanaged, IBinaryInteger<TFrom>
        {
            AddConversion<TFrom, sbyte>("s8." + from, 'd', kind);
            AddConversion<TFrom, byte>("u8." + from, 'd', kind);
            AddConversion<TFrom, short>("s16." + from, 'd', kind);
            AddConversion<TFrom, ushort>("u16." + from, 'd', kind);
            AddConversion<TFrom, int>("s32." + from, 'd', kind);
            AddConversion<TFrom, uint>("u32." + from, 'd', kind);
            AddConversion<TFrom, long>("s64." + from, 'q', kind);
            AddConversion<TFrom, ulong>("u64." + from, 'q', kind);
            AddConversionOfFloats<float, TFrom>("f32", from, 'd', kind);
            AddConversionOfFloats<double, TFrom>("f64", from, 'q', kind);
        }

        void AddConversion<TFrom, TTo>(string types, char to, char from)
            where TFrom : unmanaged, IBinaryInteger<TFrom> where TTo : unmanaged, IBinaryInteger<TTo> =>
            Add("cvt." + types, $"{to}{from}", (to, from) switch
            {
                ('d', 'd') => Lanes.Scalar<uint, uint, Truncated<TFrom, TTo>>,
                ('d', _) => Lanes.Scalar<ulong, uint, Truncated<TFrom, TTo>>,
                (_, 'd') => Lanes.Scalar<uint, ulong, Truncated<TFrom, TTo>>,
                _ => (Execute)Lanes.Scalar<ulong, ulong, Truncated<TFrom, TTo>>,
            });

        // Integers to numbers are rounded to nearest, numbers to integers towards zero.
        void AddConversionOfFloats<TFloat, T>(string type, string integer, char to, char from)
            where TFloat : unmanaged, IFloatingPointIeee754<TFloat> where T : unmanaged, IBinaryInteger<T>
        {
            Add($"cvt.rn.{type}.{integer}", $"{to}{from}",
                from == 'd' ? Lanes.Scalar<uint, TFloat, FromInteger<T, TFloat>> : Lanes.Scalar<ulong, TFloat, FromInteger<T, TFloat>>);
            Add($"cvt.rzi.{integer}.{type}", $"{from}{to}",
                from == 'd' ? Lanes.Scalar<TFloat, uint, ToInteger<TFloat, T>> : Lanes.Scalar<TFloat, ulong, ToInteger<TFloat, T>>);
        }
    }
}
