namespace Faith.PtxInterpreter;

/// <summary>An instruction's implementation and its operands: d a 32-bit register, q a 64-bit one, p a predicate.</summary>
public sealed record Opcode(string Operands, Execute Execute, bool IsShift = false, bool IsShuffle = false);

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
        Add("bfe.u32", "dddd", Lanes.Ternary<uint, ExtractBits>);
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
        Add("setp.ltu.f32", "pdd", Lanes.Compare<float, Negated<GreaterEqual<float>>>);
        Add("setp.leu.f32", "pdd", Lanes.Compare<float, Negated<Greater<float>>>);
        Add("setp.gtu.f32", "pdd", Lanes.Compare<float, Negated<LessEqual<float>>>);
        Add("setp.geu.f32", "pdd", Lanes.Compare<float, Negated<Less<float>>>);
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
