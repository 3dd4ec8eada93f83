using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Faith.Cli.Commands;
using Faith.Engine;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.Kernels.Validation;

namespace Faith.Cli;

/// <summary>The program: parses the arguments, runs a command and turns what went wrong into an exit code and one line.</summary>
public static class FaithProgram
{
    /// <summary>Exit code of a fault of the program.</summary>
    public const int Fault = 1;

    /// <summary>Exit code of bad input or arguments.</summary>
    public const int BadInput = 2;

    /// <summary>Exit code after Ctrl-C, as shells count it: 128 + SIGINT. After SIGTERM it is 143, after SIGHUP 129.</summary>
    public const int Interrupted = 130;

    /// <summary>Set to 1, this environment variable shows the stack trace of every failure.</summary>
    public const string TraceVariable = "FAITH_TRACE";

    /// <summary>Runs the program on the given writers, as a redirected process would.</summary>
    /// <returns>0 done, 2 bad input or arguments, 1 a fault of the program, 130 cancelled.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error, CancellationToken cancellation = default) =>
        Run(args, new CommandContext(output, error, isOutputTerminal: false, isErrorTerminal: false, cancellation));

    /// <summary>Runs the program on the console.</summary>
    internal static int RunOnConsole(string[] args)
    {
        // Figures are written alike everywhere, also where somebody asks the runtime for their own language's.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        using var stop = new StopSignals();
        var context = new CommandContext(StandardStream.Output(), Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected, stop.Cancellation);
        var code = Run(args, context);
        return code == Interrupted ? stop.ExitCode : code;
    }

    /// <summary>Runs the program where <paramref name="context"/> says.</summary>
    internal static int Run(string[] args, CommandContext context)
    {
        try
        {
            var root = Root(context);
            var parse = root.Parse(ArgumentCase.Normalise(root, args), new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            if (parse.Action is ParseErrorAction) throw new InputException(ArgumentErrors.FirstOf(parse));
            // Not for help and the version, which are actions of their own.
            if (parse.Action == parse.CommandResult.Command.Action)
            {
                if (ArgumentErrors.Doubtful(parse) is { } doubtful) throw new InputException(doubtful);
                Outputs.Check(parse);
            }
            return parse.Invoke(new InvocationConfiguration { Output = context.Output.Stream, Error = context.Error.Stream, EnableDefaultExceptionHandler = false });
        }
        catch (Exception e)
        {
            return Report(e, context);
        }
    }

    private static FaithRootCommand Root(CommandContext context)
    {
        var root = new FaithRootCommand(context.Width)
        {
            DemoCommand.Create(context),
            AttributeCommand.Create(context),
            CircuitCommand.Create(context),
            CombineCommand.Create(context),
            EvaluateCommand.Create(context),
            CheckCircuitCommand.Create(context),
            CurveCommand.Create(context),
            StabilityCommand.Create(context),
            CompareCommand.Create(context),
            MatrixCommand.Create(context),
            SweepCommand.Create(context),
            ReportCommand.Create(context),
            MethodsCommand.Create(context),
            AccuracyCommand.Create(context),
            DrawCommand.Create(context),
            TasksCommand.Create(context),
            MibCommand.Create(context),
            GenerateCommand.Create(context),
            LogitsCommand.Create(context),
            TokensCommand.Create(context),
            BenchCommand.Create(context),
            PlanCommand.Create(context),
            PullCommand.Create(context),
            DevicesCommand.Create(context),
        };
        root.Add(HelpCommand.Create(root));
        return root;
    }

    private static int Report(Exception exception, CommandContext context)
    {
        var (code, message) = exception switch
        {
            InputException => (BadInput, exception.Message),
            GpuException => (BadInput, $"the GPU failed: {exception.Message}; --device cpu runs without it"),
            GpuKernelException => (Fault, $"{exception.Message}; --device cpu runs without it (a fault of this program: please report it with what `faith devices` says)"),
            ValidationException => (Fault, $"the device computes something else than the CPU: {exception.Message}"),
            DeviceMemoryException => (BadInput, $"{exception.Message}; a smaller --memory, fewer --examples or shorter prompts need less"),
            DeviceThreadsException => (BadInput, $"--threads: {exception.Message}; a smaller number needs fewer"),
            OutOfMemoryException => (BadInput, "the machine has too little memory; a smaller --memory, fewer --examples or shorter prompts need less"),
            OperationCanceledException => (Interrupted, $"cancelled; {context.WhenCancelled}"),
            // Of files that a command names it has been said which; the rest is the machine's: the current folder, handles, devices.
            IOException or UnauthorizedAccessException or System.Security.SecurityException => (BadInput, $"the system refused: {exception.Message}"),
            _ => (Fault, $"internal error: {exception.GetType().Name}: {exception.Message} (set {TraceVariable}=1 to see where)"),
        };
        try
        {
            context.Error.WriteLine($"faith: {message}");
            if (Environment.GetEnvironmentVariable(TraceVariable) == "1") context.Error.WriteText($"{exception}\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody listens; the exit code says it.
        }
        return code;
    }
}
