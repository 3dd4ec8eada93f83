using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith draw`: a picture of a circuit.</summary>
internal static class DrawCommand
{
    public static Command Create(CommandContext context)
    {
        var circuit = new FilesArgument("circuit", "FILE", "the circuit, as written by faith circuit", most: 1);
        var output = new PathOption("--out", PathRole.Output, $"the picture; its extension says what kind: {string.Join(", ", CircuitDrawing.Extensions)}", required: true);
        var command = new FaithCommand("draw", "Draws a circuit: layers from bottom to top, edges by size and sign of their scores.",
            "faith draw circuit.json --out circuit.svg", "faith draw circuit.json --out circuit.pdf", "faith draw circuit.json --out circuit.html", "faith draw circuit.json --out circuit.dot")
        { circuit, output };
        command.SetAction(parse =>
        {
            var (from, to) = (parse.GetRequiredValue(circuit)[0], parse.GetRequiredValue(output));
            if (SpanScoreFile.TryRead(from) is { } bySpan)
            {
                CircuitFile.RequireCircuit(from, bySpan);
                var circuitOfSpans = bySpan.InGraph;
                if (circuitOfSpans.EdgeCount == 0) throw Empty(from);
                OutputFile.WriteTogether(SpanDrawing.ToOutput(to, circuitOfSpans, bySpan.Scores, Title(bySpan.Run, circuitOfSpans.EdgeCount), context.Cancellation));
                CircuitFile.NoteDoubts(context.Note, from, bySpan);
                context.Output.WriteLine($"{to}: {circuitOfSpans.EdgeCount} edges over {circuitOfSpans.Graph.Spans.Count} spans");
                return;
            }
            var file = ScoreFile.Read(from);
            CircuitFile.RequireCircuit(from, file);
            if (file.InGraph.EdgeCount == 0) throw Empty(from);
            OutputFile.WriteTogether(CircuitDrawing.ToOutput(to, file.InGraph, file.Scores, Title(file.Run, file.InGraph.EdgeCount, ScoreDoubt.OfSigns(file) is not null), context.Cancellation));
            CircuitFile.NoteDoubts(context.Note, from, file);
            context.Output.WriteLine($"{to}: {file.InGraph.EdgeCount} edges{(file.InGraph.Neurons is { } kept ? $", which carry {kept.Count} of {kept.Most} neurons" : "")}");
        });
        return command;
    }

    private static InputException Empty(string path) => new($"{path}: no edge is in the circuit; select some with faith circuit");

    private static string Title(RunRecord? run, int edges, bool areReversed = false)
    {
        string?[] parts = [areReversed ? "signs look reversed" : null, run?.Model, run?.Data, run?.Method, $"{edges} edges"];
        return string.Join(" · ", parts.Where(part => part is not null));
    }
}
