using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Faith.Kernels.Gpu;

/// <summary>Four unsigned integers of 32 bits: loaded and stored with one instruction of 16 bytes.</summary>
internal struct UInt4(uint x, uint y, uint z, uint w)
{
    public uint X = x, Y = y, Z = z, W = w;
}

/// <summary>
/// The instructions of NVIDIA's tensor cores, from compute capability 8.0 on, as intrinsics that return values: ILGPU's own inline PTX passes its results
/// through memory. No other accelerator can compile them.
/// </summary>
internal static class TensorCore
{
    /// <summary>
    /// c + A·B of bfloat16, 16×16 by 16×8, by all 32 lanes of a warp, which add up in float32 in an order and with a rounding of their own. Lane l holds what
    /// <see cref="BrainTiles"/> says.
    /// </summary>
    /// <param name="a">A pair along k of rows 2·(l/4) of A and the next, then the second pair of both.</param>
    /// <param name="first">The first pair along k of column l/4 of B.</param>
    /// <param name="second">The second.</param>
    /// <param name="c">Of row 2·(l/4), then of the next, columns 2·(l mod 4) and the one after.</param>
    [IntrinsicImplementation]
    public static Float4 MultiplyAdd(UInt4 a, uint first, uint second, Float4 c) => throw new NotSupportedException();

    /// <summary>Two numbers rounded to bfloat16, to the nearest, the first in the lower half.</summary>
    [IntrinsicImplementation]
    public static uint Pair(float first, float second) => throw new NotSupportedException();

    /// <summary>Has the PTX back end of a context emit these.</summary>
    internal static Context.Builder EnableTensorCore(this Context.Builder builder)
    {
        foreach (var (name, code) in ((string, string)[])[(nameof(MultiplyAdd), nameof(PtxMultiplyAdd)), (nameof(Pair), nameof(PtxPair))])
            builder.GetIntrinsicManager().RegisterMethod(typeof(TensorCore).GetMethod(name)!, new PTXIntrinsic(typeof(TensorCore), code, IntrinsicImplementationMode.GenerateCode));
        return builder;
    }

    internal static void PtxMultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var nodes = value.Nodes.ToArray();
        var (a, c) = (Names(generator, nodes[0]), Names(generator, nodes[3]));
        string first = Name(generator.LoadHardware(nodes[1])), second = Name(generator.LoadHardware(nodes[2]));
        string[] d = [.. ((RegisterAllocator<PTXRegisterKind>.CompoundRegister)generator.Allocate(value)).Children.Select(c => Name((RegisterAllocator<PTXRegisterKind>.HardwareRegister)c))];
        generator.Builder.AppendLine($"\tmma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {List(d)}, {List(a)}, {List([first, second])}, {List(c)};");
    }

    internal static void PtxPair(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var nodes = value.Nodes.ToArray();
        string first = Name(generator.LoadHardware(nodes[0])), second = Name(generator.LoadHardware(nodes[1]));
        generator.Builder.AppendLine($"\tcvt.rn.bf16x2.f32 {Name(generator.AllocateHardware(value))}, {second}, {first};");
    }

    private static string List(string[] names) => $"{{{string.Join(", ", names)}}}";

    private static string Name(RegisterAllocator<PTXRegisterKind>.HardwareRegister register) => $"%{PTXRegisterAllocator.GetStringRepresentation(register)}";

    // Of a structure; a constant in it gets a register.
    private static string[] Names(PTXCodeGenerator generator, Value value) =>
        [.. ((RegisterAllocator<PTXRegisterKind>.CompoundRegister)generator.Load(value)).Children.Select(c => Name(generator.EnsureHardwareRegister((RegisterAllocator<PTXRegisterKind>.PrimitiveRegister)c)))];
}
