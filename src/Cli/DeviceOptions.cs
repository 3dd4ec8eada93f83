using System.CommandLine;
using Faith.Engine.Experiments;
using Faith.Kernels;

namespace Faith.Cli;

/// <summary>The options that say where a model runs and with how much.</summary>
internal sealed class DeviceOptions(CommandContext context)
{
    private const double BytesPerGibibyte = 1L << 30;
    private const int MostThreads = 1024;
    /// <summary>A few threads more than cores do no harm; many more only wait for each other.</summary>
    private const int ThreadsPerCore = 4;
    private const double MostGibibytes = 1 << 20;

    private readonly Option<string> device = new("--device")
    {
        Description = "auto, cpu, cuda or cuda:i, opencl or opencl:i; auto takes the best GPU that works, else the CPU; cuda:all or cuda:0,2 share the examples out to several GPUs",
        HelpName = "device",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<double?> memory = OptionKinds.OptionalNumber("--memory", "GiB", "most memory for activations on each device; unless given on a CPU a quarter of what is free and at most 1.5 GB, on a GPU half and at most 16 GiB",
        value => value is > 0 and <= MostGibibytes, "a number of GiB above 0");

    private readonly Option<int?> threads = OptionKinds.OptionalInteger("--threads", "threads of the CPU; one a core unless given", 1, MostThreads);

    private readonly ChoiceOption products = new("--products", "how a GPU multiplies matrices: by its float32 units, or by the tensor cores of an NVIDIA GPU, as accurately and faster, with other bits", "exact", ["exact", "tensor"]);

    // What has been said: the options are read, and devices opened, by several parts of a command.
    private readonly HashSet<string> noted = [];

    private readonly Option<bool> cublas = new("--cublas")
    {
        Description = "on a GPU: matrix products by NVIDIA's cuBLAS, where it is installed; results may then differ in the last bits with --memory, the number of devices and of examples",
    };

    private readonly Option<bool> validate = new("--validate")
    {
        Description = "repeat every operation on the CPU (on the CPU: by its portable kernels), compare, and stop at the first that differs; slow, for a device that is not trusted yet",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(device);
        command.Add(memory);
        command.Add(threads);
        command.Add(cublas);
        command.Add(products);
        command.Add(validate);
    }

    /// <summary>What was chosen.</summary>
    public DeviceChoice Read(ParseResult parse) => new(parse.GetRequiredValue(device).ToLowerInvariant(), Threads(parse.GetValue(threads) ?? 0),
        parse.GetValue(memory) is { } gibibytes ? (long)(gibibytes * BytesPerGibibyte) : null, Note, parse.GetValue(cublas), parse.GetValue(validate), context.Gpus,
        parse.GetValue(products) == "tensor" ? Products.Tensor : Products.Exact);

    private void Note(string text)
    {
        if (noted.Add(text)) context.Note(text);
    }

    private int Threads(int asked)
    {
        var cores = Environment.ProcessorCount;
        if (asked <= ThreadsPerCore * cores) return asked;
        Note($"--threads {asked}: there {(cores == 1 ? "is 1 core" : $"are {cores} cores")}, so {(cores == 1 ? "1 thread works" : $"{cores} threads work")}; more would only wait for each other");
        return cores;
    }
}
