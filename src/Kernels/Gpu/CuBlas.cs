using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The functions of NVIDIA's cuBLAS that a device uses when it is asked to, looked up by name at run time: ILGPU's own binding ends
/// with version 12. Never needed: without it the device's own kernels do all products.
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
    /// <exception cref="GpuException">A function is missing.</exception>
    public CuBlas(Func<string, nint> symbol)
    {
        ArgumentNullException.ThrowIfNull(symbol);
        void* Get(string name)
        {
            var address = symbol(name);
            return address != 0 ? (void*)address : throw new GpuException($"cuBLAS has no function {name}; version 11 or newer is needed");
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
        foreach (var name in libraries)
        {
            if (!NativeLibrary.TryLoad(name, out var library)) continue;
            try
            {
                reason = "";
                return new(symbol => NativeLibrary.TryGetExport(library, symbol, out var address) ? address : 0);
            }
            catch (GpuException e)
            {
                reason = e.Message;
                return null;
            }
        }
        reason = $"cuBLAS is not installed, or not where libraries are looked for: none of {string.Join(", ", libraries)} was found";
        return null;
    }

    /// <summary>Throws when a call failed; the message holds the function and the status.</summary>
    internal static void Check(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status == 0)
            return;
        var message = $"{call[(call.LastIndexOf('.', call.IndexOf('(')) + 1)..call.IndexOf('(')]} failed with status {status}";
        throw status == AllocationFailed ? new DeviceMemoryException($"{message}: cuBLAS found too little memory on the GPU") : new GpuException(message);
    }
}

// Products by cuBLAS, on devices that were opened with it.
public sealed unsafe partial class GpuDevice
{
    private readonly CuBlas? blas;
    private readonly nint blasHandle;

    private static nint OpenBlas(CuBlas blas, CudaStream stream, out int version)
    {
        // CUBLAS_PEDANTIC_MATH: the prescribed precision in all phases of a calculation, whatever the environment asks for.
        const int pedantic = 2;
        nint handle;
        int number;
        CuBlas.Check(blas.cublasCreate(&handle));
        CuBlas.Check(blas.cublasSetStream(handle, stream.StreamPtr));
        CuBlas.Check(blas.cublasSetMathMode(handle, pedantic));
        CuBlas.Check(blas.cublasGetVersion(handle, &number));
        version = number;
        return handle;
    }

    private void CloseBlas()
    {
        accelerator.Bind();
        _ = blas!.cublasDestroy(blasHandle);
    }

    /// <summary>
    /// A product with float32 weights. A row-major matrix is the transposed column-major one, so yᵀ = Wᵀ·xᵀ: W stands first. The bias is laid into y
    /// before the product is added to it.
    /// </summary>
    private void MultiplyByLibrary(GpuWeights w, WeightSide side, Tensor x, Tensor y, Tensor bias, bool add, int k0, int n0)
    {
        if (y.Rows == 0 || y.Columns == 0) return;
        if (!bias.IsNone)
        {
            // Every row of this view is the bias.
            var rows = new Matrix(View(bias).Data, y.Rows, y.Columns, 0);
            if (add) Elementwise<Each<AddScaledElement>, ElementOperands, float>(new(rows, default, View(y), 1), y.Rows, y.Columns);
            else Elementwise<Each<CopyElement>, ElementOperands, float>(new(rows, default, View(y), 0), y.Rows, y.Columns);
        }
        MatrixFlops += 2L * x.Rows * x.Columns * y.Columns;
        const int asStored = 0, transpose = 1;
        float one = 1, old = add || !bias.IsNone ? 1 : 0;
        accelerator.Bind();
        nint At(DeviceBuffer buffer, long offset) => checked(buffer.Address + (nint)(offset * BytesOfNumber));
        CuBlas.Check(blas!.cublasSgemm(blasHandle, side == WeightSide.Transposed != w.StoredTransposed ? transpose : asStored, asStored,
            y.Columns, y.Rows, x.Columns, &one, At(w.Buffer, w.Offset(side, k0, n0)), w.Stride, At(x.Buffer!, x.Offset), x.Stride, &old, At(y.Buffer!, y.Offset), y.Stride));
    }
}
