using System.Runtime.InteropServices;

namespace Faith.PtxInterpreter;

/// <summary>A cuBLAS in managed code: the functions of cublas_v2.h that an engine may call, on the memory of <see cref="SimulatedGpu"/>.</summary>
public static unsafe class SimulatedBlas
{
    private const int NotInitialized = 1, Pedantic = 2, InvalidValue = 7, ExecutionFailed = 13;

    private sealed record Handle
    {
        public nint Stream { get; set; }
        public int MathMode { get; set; }
    }

    private static readonly Dictionary<string, nint> Functions = new()
    {
        ["cublasCreate_v2"] = (nint)(delegate* unmanaged<nint*, int>)&Create,
        ["cublasDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cublasGetVersion_v2"] = (nint)(delegate* unmanaged<nint, int*, int>)&GetVersion,
        ["cublasSetStream_v2"] = (nint)(delegate* unmanaged<nint, nint, int>)&SetStream,
        ["cublasSetMathMode"] = (nint)(delegate* unmanaged<nint, int, int>)&SetMathMode,
        ["cublasSgemm_v2"] = (nint)(delegate* unmanaged<nint, int, int, int, int, int, float*, nint, int, nint, int, float*, nint, int, int>)&Sgemm,
    };

    /// <summary>Address of a function by its exported name, or 0.</summary>
    public static nint Symbol(string name) => Functions.GetValueOrDefault(name);

    [UnmanagedCallersOnly]
    private static int Create(nint* handle)
    {
        *handle = SimulatedGpu.Add(new Handle());
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Destroy(nint handle) => SimulatedGpu.Remove(handle) ? 0 : NotInitialized;

    [UnmanagedCallersOnly]
    private static int GetVersion(nint handle, int* version)
    {
        *version = 120401;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int SetStream(nint handle, nint stream)
    {
        if (SimulatedGpu.Get<Handle>(handle) is not { } opened)
            return NotInitialized;
        opened.Stream = stream;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int SetMathMode(nint handle, int mode)
    {
        if (SimulatedGpu.Get<Handle>(handle) is not { } opened)
            return NotInitialized;
        opened.MathMode = mode;
        return 0;
    }

    // Refused unless in pedantic mode: in any other a product may be split or lose bits.
    // C = alpha·op(A)·op(B) + beta·C, column-major: op(A) is m × k, op(B) k × n. C is not read where beta is 0.
    [UnmanagedCallersOnly]
    private static int Sgemm(nint handle, int opA, int opB, int m, int n, int k, float* alpha, nint a, int lda, nint b, int ldb, float* beta,
        nint c, int ldc)
    {
        if (SimulatedGpu.Get<Handle>(handle) is not { Stream: not 0, MathMode: Pedantic })
            return NotInitialized;
        if (m < 0 || n < 0 || k < 0 || lda < (opA == 0 ? m : k) || ldb < (opB == 0 ? k : n) || ldc < m)
            return InvalidValue;
        if (!Holds(a, opA == 0 ? m : k, opA == 0 ? k : m, lda) || !Holds(b, opB == 0 ? k : n, opB == 0 ? n : k, ldb) || !Holds(c, m, n, ldc))
            return ExecutionFailed;
        SimulatedGpu.NoteLaunch("cublasSgemm");
        Multiply((float*)a, opA == 0 ? (1, lda) : (lda, 1), (float*)b, opB == 0 ? (1, ldb) : (ldb, 1), (float*)c, ldc, m, n, k, *alpha, *beta);
        return 0;
    }

    // Strides are those of rows and columns.
    private static void Multiply(float* a, (long Row, long Column) strideA, float* b, (long Row, long Column) strideB, float* c, long strideC,
        int m, int n, int k, float alpha, float beta)
    {
        for (var j = 0; j < n; j++)
            for (var i = 0; i < m; i++)
            {
                var sum = 0f;
                for (var l = 0; l < k; l++)
                    sum += a[i * strideA.Row + l * strideA.Column] * b[l * strideB.Row + j * strideB.Column];
                var y = c + j * strideC + i;
                *y = alpha * sum + (beta == 0 ? 0 : beta * *y);
            }
    }

    private static bool Holds(nint address, long rows, long columns, long stride) => rows == 0 || columns == 0
        || SimulatedGpu.Memory.Contains((ulong)address, (ulong)(sizeof(float) * ((columns - 1) * stride + rows)));
}
