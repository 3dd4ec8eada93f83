using BenchmarkDotNet.Running;
using Faith.Bench;

// gemm [threads] [rounds] [rows,…]     products against OpenBLAS
// contraction [threads] [rounds]       the edge scores' contraction
// ops [threads] [rounds] [part]        time of every operation of the passes, or of those that have the part in their names
// anything else                        BenchmarkDotNet, e.g. --filter '*Norm*'
int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], System.Globalization.CultureInfo.InvariantCulture) : otherwise;

switch (args.FirstOrDefault())
{
    case "gemm":
        var rows = args.Length > 3 ? args[3].Split(',').Select(s => int.Parse(s, System.Globalization.CultureInfo.InvariantCulture)).ToArray() : null;
        GemmComparison.Run(Argument(1, Environment.ProcessorCount), Argument(2, 7), rows);
        break;
    case "contraction":
        ContractionTiming.Run(Argument(1, Environment.ProcessorCount), Argument(2, 7));
        break;
    case "ops":
        Operations.Run(Argument(1, Environment.ProcessorCount), Argument(2, 7), args.Length > 3 ? args[3] : "");
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(GemmComparison).Assembly).Run(args);
        break;
}
