declare module 'mjml' {
  export default function mjml2html(
    source: string,
    options: {
      validationLevel: 'strict';
      ignoreIncludes: true;
      fonts: Record<string, string>;
      keepComments: boolean;
      minify: boolean;
      minifyOptions: { minifyCss: boolean };
    },
  ): Promise<{ html: string }>;
}
