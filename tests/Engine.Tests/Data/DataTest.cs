using System.Text;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Data;

/// <summary>A folder for one test's files and the ways to load them.</summary>
public abstract class DataTest : IDisposable
{
    private protected static readonly ModelConfig Config = new()
    {
        Family = "gpt2", Layers = 1, Width = 8, Heads = 2, KeyValueHeads = 2, HeadDim = 4, MlpWidth = 32, Vocabulary = 50257, Context = 64,
        Norm = NormKind.LayerNorm, NormEpsilon = 1e-5f, Activation = ActivationFunction.GeluTanh, TiedEmbedding = true, AttentionScale = 0.5f,
    };

    private readonly string folder = Directory.CreateTempSubdirectory("faith-data-").FullName;

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    private protected string Write(string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private protected PromptSet Jsonl(string content, Tokenizer? tokenizer = null) => PromptSet.Load(Write("data.jsonl", content), tokenizer, Config);

    private protected PromptSet Csv(string content, Tokenizer? tokenizer = null) => PromptSet.Load(Write("data.csv", content), tokenizer ?? new WordTokenizer(), Config);

    /// <summary>The message of the refusal, without the folder's name; it must be one line that names the file.</summary>
    private protected string Refused(Func<PromptSet> load)
    {
        var message = Assert.Throws<InputException>(load).Message;
        Assert.DoesNotContain('\n', message);
        Assert.StartsWith(folder, message);
        return message[(folder.Length + 1)..];
    }
}
