using System.Runtime.InteropServices;

namespace Faith.Bench;

/// <summary>The system's OpenBLAS, where there is one: what the matrix products are compared with.</summary>
internal static unsafe class OpenBlas
{
    static readonly nint library = NativeLibrary.TryLoad("libopenblas.so.0", out var handle) ? handle : 0;

    public static bool IsFound => library != 0;

    public static string Description => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "openblas_get_config"))()) ?? "";

    public static void SetThreads(int count) => ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads"))(count);

    static readonly nint gemm = library == 0 ? 0 : NativeLibrary.GetExport(library, "cblas_sgemm");

    /// <summary>y = x·W with W [k × n] row-major, or stored as Wᵀ [n × k].</summary>
    public static void Multiply(float* x, float* w, bool transposed, float* y, int rows, int k, int n)
    {
        const int RowMajor = 101, NoTranspose = 111, Transpose = 112;
        ((delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)gemm)(
            RowMajor, NoTranspose, transposed ? Transpose : NoTranspose, rows, n, k, 1, x, k, w, transposed ? k : n, 0, y, n);
    }
}
