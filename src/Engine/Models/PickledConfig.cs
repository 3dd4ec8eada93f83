using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Pickles;

namespace Faith.Engine.Models;

/// <summary>
/// The configuration of a TransformerLens model as InterpBench keeps it: a pickle of a dictionary, or of a HookedTransformerConfig, whose attributes
/// are the dictionary then. Nothing of it is executed (<see cref="PickleReader"/>).
/// </summary>
internal static class PickledConfig
{
    private const long Largest = 1 << 20;

    // The numbers that NumPy computed among the settings are calls of these.
    private const string DataType = "numpy.dtype", Encode = "_codecs.encode";
    private static readonly string[] Scalars = ["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"];

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "transformer_lens.HookedTransformerConfig.HookedTransformerConfig", "transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig",
        DataType, Encode, Scalars[0], Scalars[1], "collections.OrderedDict", "torch.device", "torch.float32", "torch.float16", "torch.bfloat16", "torch.float64",
    };

    /// <summary>The only configuration of this kind in a directory, or null.</summary>
    internal static string? Find(string directory)
    {
        try
        {
            return Directory.Exists(directory) && Directory.EnumerateFiles(directory, "*.pkl").Where(path => IsNamedSo(Path.GetFileName(path))).Take(2).ToArray() is [var only] ? only : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a file may be such a configuration, by its name.</summary>
    internal static bool IsNamedSo(string name) => name.EndsWith("cfg.pkl", StringComparison.Ordinal) || name.EndsWith("config.pkl", StringComparison.Ordinal);

    /// <summary>The file's bytes, and its settings as config.json would hold them.</summary>
    /// <exception cref="InputException">It is no such pickle.</exception>
    internal static (byte[] Bytes, JsonElement Root) Read(string path)
    {
        var bytes = ReadPickle(path);
        var value = PickleReader.Read(bytes, path, Known.Contains, "save the settings as a dictionary of numbers and strings, cfg.to_dict()");
        var settings = (value is PickleObject made ? made.State : value) as PickleDictionary ?? throw new InputException($"{path}: holds no dictionary of settings");
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteString("model_type", TransformerLensFamily.Type);
            foreach (var (name, setting) in settings.Named.Where(pair => pair.Key != "model_type"))
            {
                writer.WritePropertyName(name);
                Write(writer, setting, isInList: false);
            }
            writer.WriteEndObject();
        }
        using var document = JsonDocument.Parse(json.ToArray());
        return (bytes, document.RootElement.Clone());
    }

    // A pickle is what is looked for here, and not what RegularFile.ReadAll lets pass.
    private static byte[] ReadPickle(string path)
    {
        using var handle = RegularFile.Open(path);
        var length = RandomAccess.GetLength(handle);
        if (length > Largest) throw new InputException($"{path}: {length} bytes is too large for such a file; at most {Largest} are read");
        var bytes = new byte[length];
        return RegularFile.TryRead(handle, bytes, 0) ? bytes : throw RegularFile.Changed(path);
    }

    // What no setting that is read can be becomes null, which counts as absent.
    private static void Write(Utf8JsonWriter writer, object? value, bool isInList)
    {
        switch (value)
        {
            case bool flag: writer.WriteBooleanValue(flag); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): writer.WriteNumberValue(number); break;
            case string text: writer.WriteStringValue(text); break;
            case PickleGlobal global: writer.WriteStringValue(global.Name); break;
            case PickleObject scalar when Number(scalar) is { } number && double.IsFinite(number): writer.WriteNumberValue(number); break;
            case List<object?> list when !isInList:
                writer.WriteStartArray();
                foreach (var item in list) Write(writer, item, isInList: true);
                writer.WriteEndArray();
                break;
            default: writer.WriteNullValue(); break;
        }
    }

    private static double? Number(PickleObject scalar)
    {
        if (!Scalars.Contains(scalar.Callee) || scalar.Arguments is not [PickleObject { Callee: DataType, Arguments: [string type, ..] } kind, var content]) return null;
        if (kind.State is object?[] state && state.Contains(">")) return null;
        var bytes = content switch
        {
            byte[] raw => raw,
            PickleObject { Callee: Encode, Arguments: [string latin, ..] } => Encoding.Latin1.GetBytes(latin),
            _ => [],
        };
        return (type, bytes.Length) switch
        {
            ("f8", sizeof(double)) => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            ("f4", sizeof(float)) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            ("i8", sizeof(long)) => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            ("i4", sizeof(int)) => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            _ => null,
        };
    }
}
