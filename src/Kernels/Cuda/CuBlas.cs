using System.Runtime.CompilerServices;

namespace Faith.Kernels.Cuda;

/// <summary>
/// The functions of NVIDIA's cuBLAS that a device uses when it is asked to, looked up by name at run time like those of
/// <see cref="CudaDriver"/>. Never needed: without it the device's own kernels do all products.
/// </summary>
public sealed unsafe class CuBlas
{
    private const int AllocationFailed = 3;

    // Names and signatures are those of cublas_v2.h: matrices are column-major, scalars stand in host memory.
    internal readonly delegate* unmanaged<nint*, int> cublasCreate;
    internal readonly delegate* unmanaged<nint, int> cublasDestroy;
    internal readonly delegate* unmanaged<nint, int*, int> cublasGetVersion;
    internal readonly delegate* unmanaged<nint, nint, int> cublasSetStream;
    internal readonly delegate* unmanaged<nint, int, int> cublasSetMathMode;
    internal readonly delegate* unmanaged<nint, int, int, int, int, int, float*, nint, int, nint, int, float*, nint, int, int> cublasSgemm;

    /// <summary>Fills the table.</summary>
    /// <param name="symbol">Address of an exported function by its name in the library, or 0 where there is none.</param>
    /// <exception cref="CudaException">A function is missing.</exception>
    public CuBlas(Func<string, nint> symbol)
    {
        ArgumentNullException.ThrowIfNull(symbol);
        void* Get(string name)
        {
            var address = symbol(name);
            return address != 0 ? (void*)address : throw new CudaException($"cuBLAS has no function {name}; version 11 or newer is needed");
        }

        cublasCreate = (delegate* unmanaged<nint*, int>)Get("cublasCreate_v2");
        cublasDestroy = (delegate* unmanaged<nint, int>)Get("cublasDestroy_v2");
        cublasGetVersion = (delegate* unmanaged<nint, int*, int>)Get("cublasGetVersion_v2");
        cublasSetStream = (delegate* unmanaged<nint, nint, int>)Get("cublasSetStream_v2");
        cublasSetMathMode = (delegate* unmanaged<nint, int, int>)Get("cublasSetMathMode");
        cublasSgemm = (delegate* unmanaged<nint, int, int, int, int, int, float*, nint, int, nint, int, float*, nint, int, int>)Get("cublasSgemm_v2");
    }

    /// <summary>Loads the installed library.</summary>
    /// <param name="reason">Why there is none; empty on success.</param>
    /// <param name="libraries">Names to try instead of the system's.</param>
    public static CuBlas? TryLoad(out string reason, params ReadOnlySpan<string> libraries)
    {
        if (libraries.IsEmpty)
            libraries = OperatingSystem.IsWindows() ? ["cublas64_13.dll", "cublas64_12.dll", "cublas64_11.dll"]
                : ["libcublas.so.13", "libcublas.so.12", "libcublas.so.11"];
        return NativeFunctions.TryLoad(libraries, symbol => new CuBlas(symbol),
            $"cuBLAS is not installed, or not where libraries are looked for: none of {string.Join(", ", libraries)} was found", out reason);
    }

    /// <summary>Throws when a call failed; the message holds the function and the status.</summary>
    internal static void Check(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status == 0)
            return;
        var message = $"{call[(call.LastIndexOf('.', call.IndexOf('(')) + 1)..call.IndexOf('(')]} failed with status {status}";
        throw status == AllocationFailed ? new DeviceMemoryException($"{message}: cuBLAS found too little memory on the GPU") : new CudaException(message, status);
    }
}
