using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Faith.Kernels.Gpu;

/// <summary>
/// Arithmetic whose rounding is the same on every GPU: products, sums and differences are rounded by themselves, since ILGPU is told to
/// write them in the form that no compiler may fuse, and a fused multiply-add is written as one.
/// </summary>
public static class Exact
{
    /// <summary>a·b + c, rounded once.</summary>
    [IntrinsicImplementation]
    public static float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>The largest integer that is no larger; ILGPU's own is 50 instructions.</summary>
    [IntrinsicImplementation]
    public static float Floor(float x) => MathF.Floor(x);

    /// <summary>The float32 that a float16 is: an instruction of NVIDIA's GPUs, elsewhere <see cref="WidenBits"/>.</summary>
    [IntrinsicImplementation]
    public static float Widen(ushort half) => WidenBits(half);

    /// <summary>
    /// The same by its bits: 5 of exponent, which float32 counts from 112 lower on, and 10 of mantissa. Below the normal numbers 2^-14 + x is put together and
    /// 2^-14 taken away, so that nothing is lost where small numbers are flushed to zero.
    /// </summary>
    public static float WidenBits(ushort half)
    {
        const uint Rebias = 112 << 23, FirstNormal = 1 << 23, Infinity = 31 << 23;
        uint sign = (half & 0x8000u) << 16, magnitude = (half & 0x7fffu) << 13;
        var below = Interop.FloatAsInt(Interop.IntAsFloat(magnitude + Rebias + FirstNormal) - 6.103515625e-5f);
        return Interop.IntAsFloat(sign | (magnitude < FirstNormal ? below : magnitude + (magnitude < Infinity ? Rebias : 2 * Rebias)));
    }

    /// <summary>Has the back ends of a context emit these, and reductions over 32 lanes by what suits them.</summary>
    internal static Context.Builder EnableExact(this Context.Builder builder)
    {
        var manager = builder.GetIntrinsicManager();
        void Method(string name, string ptx, string cl)
        {
            var method = typeof(Exact).GetMethod(name)!;
            manager.RegisterMethod(method, new PTXIntrinsic(typeof(Exact), ptx, IntrinsicImplementationMode.GenerateCode));
            manager.RegisterMethod(method, new CLIntrinsic(typeof(Exact), cl, IntrinsicImplementationMode.GenerateCode));
        }
        Method(nameof(Fma), nameof(PtxFma), nameof(ClFma));
        Method(nameof(Floor), nameof(PtxFloor), nameof(ClFloor));
        var widen = typeof(Exact).GetMethod(nameof(Widen))!;
        manager.RegisterMethod(widen, new PTXIntrinsic(typeof(Exact), nameof(PtxWiden), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(widen, new CLIntrinsic(typeof(Exact), nameof(WidenBits), IntrinsicImplementationMode.Redirect));
        void Arithmetic(BinaryArithmeticKind kind, string ptx) =>
            manager.RegisterBinaryArithmetic(kind, BasicValueType.Float32, new PTXIntrinsic(typeof(Exact), ptx, IntrinsicImplementationMode.GenerateCode));
        // ILGPU writes mul.f32 and add.f32, which ptxas may contract to a fused multiply-add; with .rn it may not.
        Arithmetic(BinaryArithmeticKind.Mul, nameof(PtxMul));
        Arithmetic(BinaryArithmeticKind.Add, nameof(PtxAdd));
        Arithmetic(BinaryArithmeticKind.Sub, nameof(PtxSub));
        var lanes = typeof(Reduce).GetMethod(nameof(Reduce.OverLanes))!;
        manager.RegisterMethod(lanes, new PTXIntrinsic(typeof(Reduce), nameof(Reduce.OverWarp), IntrinsicImplementationMode.Redirect));
        manager.RegisterMethod(lanes, new CLIntrinsic(typeof(Reduce), nameof(Reduce.OverShared), IntrinsicImplementationMode.Redirect));
        var wait = typeof(Barrier).GetMethod(nameof(Barrier.Wait))!;
        manager.RegisterMethod(wait, new PTXIntrinsic(typeof(Barrier), nameof(Barrier.PtxWait), IntrinsicImplementationMode.Redirect));
        manager.RegisterMethod(wait, new CLIntrinsic(typeof(Barrier), nameof(Barrier.ClWait), IntrinsicImplementationMode.GenerateCode));
        return builder;
    }

    internal static void PtxFma(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "fma.rn.f32");
    internal static void PtxFloor(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "cvt.rmi.f32.f32");
    internal static void PtxWiden(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "cvt.f32.f16");
    internal static void PtxMul(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "mul.rn.f32");
    internal static void PtxAdd(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "add.rn.f32");
    internal static void PtxSub(PTXBackend backend, PTXCodeGenerator generator, Value value) => Ptx(generator, value, "sub.rn.f32");
    internal static void ClFma(CLBackend backend, CLCodeGenerator generator, Value value) => Cl(generator, value, "fma");
    internal static void ClFloor(CLBackend backend, CLCodeGenerator generator, Value value) => Cl(generator, value, "floor");

    private static void Ptx(PTXCodeGenerator generator, Value value, string instruction)
    {
        var operands = value.Nodes.ToArray().Select(n => generator.LoadPrimitive(n)).ToArray();
        var target = generator.AllocateHardware(value);
        using var command = generator.BeginCommand(instruction);
        command.AppendArgument(target);
        foreach (var operand in operands) command.AppendArgument(operand);
    }

    private static void Cl(CLCodeGenerator generator, Value value, string function)
    {
        var operands = value.Nodes.ToArray().Select(n => generator.Load(n)).ToArray();
        var target = generator.Allocate(value);
        using var statement = generator.BeginStatement(target);
        statement.AppendCommand(function);
        statement.BeginArguments();
        foreach (var operand in operands) statement.AppendArgument(operand);
        statement.EndArguments();
    }
}
