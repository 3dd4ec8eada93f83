using System.Text;
using Faith.Engine.Files;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Faith.Engine.Sweeps;

/// <summary>
/// Reads the YAML of a study into nodes that know their lines. The file is not trusted: its size, its depth and the length of its texts are bounded;
/// an alias counts as what it names, as if that were written out again; tags, merge keys and a second document are refused.
/// </summary>
internal sealed class StudyYaml
{
    /// <summary>More bytes than that are refused.</summary>
    public const int LargestFile = 1 << 20;
    private const int Deepest = 8, LongestText = 4096, LargestWrittenOut = 4 * LargestFile;

    private readonly string path;
    private readonly IParser parser;
    private readonly Dictionary<AnchorName, (StudyNode Node, long Size)> anchors = [];
    // Characters and nodes so far, those behind aliases again and again.
    private long size;

    private StudyYaml(string path, IParser parser) => (this.path, this.parser) = (path, parser);

    /// <summary>Reads a file whose document is a map.</summary>
    /// <exception cref="InputException">It cannot be read, or is no such YAML; the message names the line.</exception>
    public static StudyMap Read(string path)
    {
        var bytes = RegularFile.ReadAll(path, FileUse.Data, LargestFile);
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"{path}: is not UTF-8 text; a study is YAML", e);
        }
        // The scanner would take it for the end, and leave out what follows.
        if (text.IndexOf('\0', StringComparison.Ordinal) is >= 0 and var end) throw Fault(path, 1 + text.AsSpan(0, end).Count('\n'), "holds a null character; a study is text");
        var yaml = new StudyYaml(path, new Parser(new Scanner(new StringReader(text), skipComments: true)));
        try
        {
            return yaml.ReadDocument();
        }
        catch (YamlException e)
        {
            throw new InputException($"{path}, line {e.Start.Line}: is not YAML: {PlainText.Short(e.InnerException?.Message ?? e.Message, 200)}", e);
        }
        // The scanner lets these out of what it was not written for.
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException or OverflowException or NullReferenceException)
        {
            throw Fault(path, yaml.Line, "is not YAML, here or a little later");
        }
    }

    /// <summary>The error for a line of a study.</summary>
    public static InputException Fault(string path, long line, string message) => new($"{path}, line {line}: {message}");

    private StudyMap ReadDocument()
    {
        Next<StreamStart>();
        if (parser.MoveNext() && parser.Current is StreamEnd) throw new InputException($"{path}: holds no study; models, data and methods are lists in it");
        if (parser.Current is not DocumentStart) throw Fault(path, Line, "a document should begin here");
        parser.MoveNext();
        var line = Line;
        var map = ReadNode(0) as StudyMap ?? throw Fault(path, line, "a study is a map of keys: models, data, methods and others");
        if (parser.MoveNext() && parser.Current is DocumentEnd && parser.MoveNext() && parser.Current is DocumentStart) throw Fault(path, Line, "a second document begins here; a study is one");
        return map;
    }

    private long Line => parser.Current?.Start.Line ?? 0;

    private void Next<T>() where T : ParsingEvent
    {
        if (!parser.MoveNext() || parser.Current is not T) throw Fault(path, Line, "is not YAML");
    }

    // The node of the current event; afterwards the current event is its last.
    private StudyNode ReadNode(int depth)
    {
        if (depth > Deepest) throw Fault(path, Line, $"is nested more than {Deepest} deep, which no study is");
        var line = Line;
        if (parser.Current is AnchorAlias alias)
        {
            if (!anchors.TryGetValue(alias.Value, out var known)) throw Fault(path, line, $"*{PlainText.Short(alias.Value.Value)} names no anchor above it that is complete");
            Grow(known.Size);
            return known.Node;
        }
        if (parser.Current is not NodeEvent node) throw Fault(path, line, "a value is missing");
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific) throw Fault(path, line, $"the tag {PlainText.Short(node.Tag.Value)} means nothing in a study; leave it out");
        var before = size;
        Grow(1);
        StudyNode read = node switch
        {
            Scalar scalar => new StudyText(ReadText(scalar), line),
            SequenceStart => ReadList(line, depth),
            MappingStart => ReadMap(line, depth),
            _ => throw Fault(path, line, "a value is missing"),
        };
        if (!node.Anchor.IsEmpty) anchors[node.Anchor] = (read, size - before);
        return read;
    }

    // A file alone is never too large; what its aliases stand for may be.
    private void Grow(long by)
    {
        size += by;
        if (size > LargestWrittenOut) throw Fault(path, Line, $"aliases repeat so much that the study would be longer than {LargestWrittenOut:#,0} characters; write out what is meant");
    }

    private string ReadText(Scalar scalar)
    {
        if (scalar.Value.Length > LongestText) throw Fault(path, Line, $"a value has {scalar.Value.Length} characters; at most {LongestText} are read");
        Grow(scalar.Value.Length);
        return scalar.Value;
    }

    private StudyList ReadList(long line, int depth)
    {
        var items = new List<StudyNode>();
        while (parser.MoveNext() && parser.Current is not SequenceEnd) items.Add(ReadNode(depth + 1));
        return new(items, line);
    }

    private StudyMap ReadMap(long line, int depth)
    {
        var entries = new List<StudyEntry>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (parser.MoveNext() && parser.Current is not MappingEnd)
        {
            var at = Line;
            if (ReadNode(depth + 1) is not StudyText { Text: var key }) throw Fault(path, at, "a key must be a word");
            if (key == "<<") throw Fault(path, at, "merge keys (<<) are not read; write the keys out");
            if (!keys.Add(key)) throw Fault(path, at, $"{PlainText.Name(key)} is given twice");
            parser.MoveNext();
            entries.Add(new(key, at, ReadNode(depth + 1)));
        }
        return new(entries, line);
    }
}
