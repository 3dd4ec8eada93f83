using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Faith.Engine.Experiments;
using Faith.Engine.Files;

namespace Faith.Engine.Sweeps;

/// <summary>The cells of a sweep as JSONL, a cell a line: its id, its settings by name, and what it will take.</summary>
public static class Manifest
{
    private const long LargestFile = 1L << 30;
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonDocumentOptions Shallow = new() { MaxDepth = 4 };

    /// <summary>The file's content.</summary>
    public static byte[] Write(IEnumerable<SweepCell> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        using var memory = new MemoryStream();
        using var json = new Utf8JsonWriter(memory, Json);
        foreach (var cell in cells)
        {
            json.WriteStartObject();
            json.WriteString("id", cell.Id);
            foreach (var setting in RunSettings.All)
            {
                if (setting.Get(cell.Run) is not { } value) continue;
                json.WritePropertyName(NameOf(setting));
                if (setting.Kind == SettingKind.Text) json.WriteStringValue(value);
                else json.WriteRawValue(setting.Kind == SettingKind.Numbers ? $"[{value}]" : value);
            }
            json.WriteString("version", cell.Version);
            json.WriteString("model_hash", cell.ModelHash);
            json.WriteString("data_hash", cell.DataHash);
            if (cell.AblationDataHash is { } hash) json.WriteString("ablation_data_hash", hash);
            if (cell.Run.Folder is { } folder) json.WriteString("folder", folder);
            if (cell.Gflop is { } gflop) json.WriteNumber("gflop", Math.Round(gflop, 3));
            if (cell.Bytes is { } bytes) json.WriteNumber("memory_bytes", bytes);
            json.WriteEndObject();
            json.Flush();
            memory.WriteByte((byte)'\n');
            json.Reset();
        }
        return memory.ToArray();
    }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="InputException">It cannot be read or says something else than it should; the message names the line.</exception>
    public static IReadOnlyList<SweepCell> Read(string path)
    {
        var cells = new List<SweepCell>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(RegularFile.ReadAll(path, FileUse.Data, LargestFile)).Split('\n'))
        {
            number++;
            if (line.Length == 0) continue;
            try
            {
                using var document = JsonDocument.Parse(line, Shallow);
                var cell = ReadCell(document.RootElement);
                if (Text(document.RootElement, "id") != cell.Id) throw new InputException("the id is not that of the cell; plan the sweep anew");
                if (!ids.Add(cell.Id)) throw new InputException($"the cell {cell.Id} is listed twice");
                cells.Add(cell);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
            {
                throw new InputException($"{path}, line {number}: is no cell of a manifest ({PlainText.Short(e.Message, 120)}); faith sweep plan writes one", e);
            }
            catch (InputException e)
            {
                throw new InputException($"{path}, line {number}: {e.Message}", e);
            }
        }
        return cells.Count > 0 ? cells : throw new InputException($"{path}: lists no cell; faith sweep plan writes it");
    }

    private static SweepCell ReadCell(JsonElement json)
    {
        var run = new RunSpecification { Model = "", Data = "", Folder = Text(json, "folder") };
        foreach (var setting in RunSettings.All)
        {
            if (!json.TryGetProperty(NameOf(setting), out var value)) continue;
            run = setting.Set(run, setting.Kind switch
            {
                SettingKind.Text => value.GetString() ?? "",
                SettingKind.Numbers => string.Join(',', value.EnumerateArray().Select(v => v.GetRawText())),
                _ => value.GetRawText(),
            });
        }
        return new()
        {
            Run = run,
            Version = Needed("version"), ModelHash = Needed("model_hash"), DataHash = Needed("data_hash"), AblationDataHash = Text(json, "ablation_data_hash"),
            Gflop = json.TryGetProperty("gflop", out var gflop) ? gflop.GetDouble() : null,
            Bytes = json.TryGetProperty("memory_bytes", out var bytes) ? bytes.GetInt64() : null,
        };

        string Needed(string name) => Text(json, name) ?? throw new InputException($"{name} is missing; faith sweep plan writes it");
    }

    private static string NameOf(RunSetting setting) => setting.Name.Replace('-', '_');

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;
}
