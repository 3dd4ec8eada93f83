using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Faith.Kernels.Gpu;

/// <summary>The barrier of a block.</summary>
internal static class Barrier
{
    /// <summary>
    /// All threads of the block meet, and see what any of them has written before, to shared memory or to the device's. ILGPU's own barrier orders in OpenCL
    /// the device's memory alone.
    /// </summary>
    [IntrinsicImplementation]
    public static void Wait() => Group.Barrier();

    /// <summary>What <see cref="Wait"/> is in PTX.</summary>
    public static void PtxWait() => Group.Barrier();

    /// <summary>What it is in OpenCL.</summary>
    public static void ClWait(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        using var statement = generator.BeginStatement("barrier");
        statement.BeginArguments();
        statement.AppendArgument();
        statement.AppendCommand("CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE");
        statement.EndArguments();
    }
}
