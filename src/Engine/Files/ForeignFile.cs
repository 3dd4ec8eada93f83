using System.Text;

namespace Faith.Engine.Files;

/// <summary>What a file is read for, and so what to do about one of another format.</summary>
/// <param name="Archives">What a ZIP archive in its place is likely to be, as "as … are".</param>
/// <param name="Remedy">How its content comes into a format that is read.</param>
internal sealed record FileUse(string Archives, string Remedy)
{
    /// <summary>Configurations, weights and tokenizers.</summary>
    internal static readonly FileUse Model = new("as PyTorch checkpoints (.bin, .pt, .pth) are",
        "load it with transformers in Python and save it with save_pretrained(directory, safe_serialization=True)");

    /// <summary>Examples and tables.</summary>
    internal static readonly FileUse Data = new("as .xlsx workbooks are", "write its rows as JSONL or CSV (pandas: to_json(…, orient='records', lines=True))");

    /// <summary>Scores and circuits.</summary>
    internal static readonly FileUse Scores = new("as PyTorch writes", "the EAP-IG library writes scores as JSON with graph.to_json(…)");

    /// <summary>Checkpoints of a training.</summary>
    internal static readonly FileUse Training = new("as many programs write", "give the name of a checkpoint that faith wrote, or of a file that is not there yet");
}

/// <summary>Knows files of other formats by what they begin with.</summary>
internal static class ForeignFile
{
    /// <summary>Enough of a file to know it by.</summary>
    internal const int HeadBytes = 64;

    /// <summary>What a file is that begins so, and what to do about it; null when nothing is known.</summary>
    internal static string? What(ReadOnlySpan<byte> head, FileUse use)
    {
        ReadOnlySpan<byte> text = head.TrimStart("\uFEFF \t\r\n"u8);
        if (text.StartsWith("version https://git-lfs"u8)) return "is a Git LFS pointer, not the file itself; fetch the files with: git lfs pull";
        if (text.StartsWith("# xet version"u8)) return "is a Xet pointer, not the file itself; fetch the files with: git xet, or download them anew";
        var start = Encoding.ASCII.GetString(text[..Math.Min(text.Length, 9)]);
        if (start.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || start.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return "is a web page, not the file itself; download the raw file";
        }
        if (head is [0x1F, 0x8B, ..]) return "is compressed (gzip); unpack it";
        if (head is [0x28, 0xB5, 0x2F, 0xFD, ..]) return "is compressed (Zstandard); unpack it";
        if (head.StartsWith("BZh"u8)) return "is compressed (bzip2); unpack it";
        if (head is [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..]) return "is compressed (xz); unpack it";
        // Two letters of ASCII tell where there is no mark.
        if (head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [> 8 and < 127, 0, > 8 and < 127, 0, ..] or [0, > 8 and < 127, 0, > 8 and < 127, ..])
        {
            return "is UTF-16 text; save it as UTF-8";
        }
        var format =
            head.StartsWith("GGUF"u8) ? "a GGUF file" :
            head is [0x89, (byte)'H', (byte)'D', (byte)'F', ..] ? "an HDF5 file (TensorFlow or Keras)" :
            head is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] ? "a NumPy array" :
            head is [0x80, >= 2 and <= 5, ..] ? "a Python pickle (.pt, .pkl)" :
            head.StartsWith("PK\x03\x04"u8) ? $"a ZIP archive, {use.Archives}" :
            head.StartsWith("PAR1"u8) ? "a Parquet file" :
            head.StartsWith("ARROW1"u8) ? "an Arrow file" :
            head.StartsWith("SQLite format 3"u8) ? "an SQLite database" : null;
        return format is null ? null : $"is {format}, which is not read; {use.Remedy}";
    }

    /// <summary>Whether a JSON object's first key is one of these: enough to know what kind of data a file holds.</summary>
    internal static bool StartsWithKey(ReadOnlySpan<byte> head, params ReadOnlySpan<string> keys)
    {
        head = head.TrimStart("\uFEFF \t\r\n"u8);
        if (head is not [(byte)'{', ..]) return false;
        head = head[1..].TrimStart(" \t\r\n"u8);
        foreach (var key in keys)
        {
            if (head.StartsWith(Encoding.ASCII.GetBytes($"\"{key}\""))) return true;
        }
        return false;
    }
}
