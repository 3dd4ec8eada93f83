using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.Kernels.Validation;

namespace Faith.Engine.Experiments;

/// <summary>Where a model runs.</summary>
/// <param name="Name">auto, cpu, cuda, cuda:i, opencl or opencl:i; cuda:all or cuda:i,j for several GPUs.</param>
/// <param name="Threads">Threads of the CPU; 0 for one a core.</param>
/// <param name="MemoryBytes">Most memory for activations on each device, or null.</param>
/// <param name="Note">Says why a GPU is passed over, or that it has less memory than was thought.</param>
/// <param name="Cublas">Products by cuBLAS.</param>
/// <param name="Validate">Every operation is repeated on the CPU and compared.</param>
/// <param name="Gpus">The GPUs to choose from; null: those of the installed driver.</param>
/// <param name="Products">How a GPU multiplies matrices; where there are no tensor cores exactly, which is said.</param>
public sealed record DeviceChoice(string Name, int Threads, long? MemoryBytes, Action<string> Note, bool Cublas = false, bool Validate = false, GpuProbes? Gpus = null, Products Products = Products.Exact)
{
    /// <summary>Opens one device: of several the first, which it says.</summary>
    /// <exception cref="InputException">There is no such device.</exception>
    public Device Open()
    {
        if (!Devices.AreSeveral(Name)) return OpenAll()[0];
        var all = OpenAll();
        foreach (var device in all.Skip(1)) device.Dispose();
        if (all.Count > 1) NoteFirst("this command", all[0]);
        return all[0];
    }

    /// <summary>Opens every device that was chosen.</summary>
    /// <exception cref="InputException">One of them is not there.</exception>
    public IReadOnlyList<Device> OpenAll()
    {
        if (Cublas && (Name == "cpu" || Name.StartsWith("opencl", StringComparison.Ordinal))) throw new InputException($"--cublas needs an NVIDIA GPU; --device {Name} uses none");
        if (Cublas && Products == Products.Tensor) throw new InputException("--cublas and --products tensor both say what multiplies matrices; leave one out");
        var reason = "";
        var blas = Cublas ? CuBlas.TryLoad(out reason) : null;
        if (Cublas && blas is null) throw new InputException($"--cublas: {reason}");
        try
        {
            IReadOnlyList<Device> opened = Devices.AreSeveral(Name) ? Devices.OpenSeveral(Name, Gpus, blas, Products) : [Name == "auto" ? OpenBest(blas) : Devices.Open(Name, Threads, blas, Gpus, Products)];
            if (opened[0].Products != Products) Note($"--products {Products.ToString().ToLowerInvariant()}: the tensor cores of an NVIDIA GPU are needed; {opened[0].Name} multiplies exactly");
            return Validate ? [.. opened.Select(device => ValidatingDevice.Over(device, Threads, Note))] : opened;
        }
        catch (Exception e) when (e is ArgumentException || GpuDevices.MeansUnusable(e))
        {
            throw new InputException($"--device {Name}: {e.Message}{(e is ArgumentException ? KnownNames.Suggest(Name, ["auto", "cpu", "cuda", "cuda:all", "opencl"]) : "")}", e);
        }
    }

    /// <summary>Says that of several devices one is used.</summary>
    public void NoteFirst(string what, Device device) => Note($"{what} uses one device: {device.Name}");

    // A machine without a driver has no GPU to miss; one with a driver or a GPU that does not work has, and its user wants to know.
    private Device OpenBest(CuBlas? blas)
    {
        var probes = Gpus ?? new();
        var (best, reason) = (probes.Best, probes.WhyNone);
        if (Cublas && best is not { Kind: GpuKind.Cuda }) throw new InputException($"--cublas needs an NVIDIA GPU: {probes.Cuda.Reason}");
        if (best is not null)
        {
            try
            {
                return Devices.Open(best, blas, Products);
            }
            catch (Exception e) when (GpuDevices.MeansUnusable(e))
            {
                reason = e.Message;
            }
        }
        if (Cublas) throw new InputException($"--cublas needs an NVIDIA GPU: {reason}");
        if (reason.Length > 0) Note($"the GPU is not used: {reason.ReplaceLineEndings(" ")}");
        return Devices.Open("cpu", Threads);
    }
}
